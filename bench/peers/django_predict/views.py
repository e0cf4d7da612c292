"""PEER_MODEL names the Keras model, whose preprocessing is in its graph: RGB 0-255 in,
probabilities out. It is loaded once, when the process starts."""

import os

import keras
import numpy as np
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from PIL import Image

model = keras.models.load_model(os.environ["PEER_MODEL"], compile=False)
height, width = model.input_shape[1:3]


@csrf_exempt
@require_POST
def predict(request: HttpRequest) -> JsonResponse:
    [file] = request.FILES.getlist("pictures")
    image = Image.open(file).convert("RGB").resize((width, height))
    batch = np.expand_dims(np.asarray(image, dtype=np.float32), axis=0)
    [probabilities] = model.predict(batch, verbose=0)
    best = np.argsort(probabilities)[::-1][:5]
    top = [{"label": f"class {i}", "probability": float(probabilities[i])} for i in best]
    return JsonResponse({"label": top[0]["label"], "top": top})
