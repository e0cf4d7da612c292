"""ConvNeXt made of standard layers, so that whoever loads its H5 file needs nothing of ours."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def with_standard_layers(model: "keras.Model") -> "keras.Model":
    """A copy of `model` without what its H5 file would not load for, and with the same answers.

    LayerScale, a scale for each channel, is a depthwise convolution of 1 x 1: the same to the last
    bit. A convolution with as many groups as channels is a depthwise one too, and as such five times
    as fast on a CPU. The sums of the residual blocks become layers. Weights differ in shape only.
    """
    import keras

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        if type(layer).__name__ == "LayerScale":
            return keras.layers.DepthwiseConv2D(1, use_bias=False, name=layer.name)
        if isinstance(layer, keras.layers.Conv2D) and layer.groups > 1:
            return keras.layers.DepthwiseConv2D(
                layer.kernel_size, padding=layer.padding, name=layer.name
            )
        return type(layer).from_config(layer.get_config())

    def call(operation: Any, *inputs: Any, **options: Any) -> Any:
        if isinstance(operation, keras.layers.Layer):
            return operation(*inputs, **options)
        return keras.layers.Add()(inputs)

    standard = keras.models.clone_model(model, clone_function=replace, call_function=call)
    for layer in model.layers:
        twin = standard.get_layer(layer.name)
        shaped = zip(layer.get_weights(), twin.weights, strict=True)
        twin.set_weights([value.reshape(weight.shape) for value, weight in shaped])
    return standard
