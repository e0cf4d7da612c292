from django.urls import path

from bench.peers.django_predict.views import predict

urlpatterns = [path("predict", predict)]
