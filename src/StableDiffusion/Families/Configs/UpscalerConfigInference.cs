using System.Text.Json.Nodes;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Configs;

/// <summary>Infers the config of an upscaler from the shapes of its weights and their number.</summary>
internal static class UpscalerConfigInference
{
    // A convolution has weights and biases; a block of the residual network has three dense blocks of five.
    private const int PerConvolution = 2;
    private const int PerBlock = 3 * 5 * PerConvolution;

    /// <summary>Infers a config.</summary>
    /// <param name="weights">The weights under BasicSR's names.</param>
    /// <param name="isCompact">Whether it is the compact network.</param>
    /// <param name="count">The number of weights that the network has.</param>
    /// <returns>The upscaler's <c>config.json</c>.</returns>
    /// <exception cref="ModelInvalidException">Weights are missing or their shapes do not fit.</exception>
    public static JsonObject Infer(MappedWeights weights, bool isCompact, out int count)
    {
        WeightShapes shapes = new(weights, "upscaler");
        return isCompact ? InferCompact(shapes, out count) : InferResidual(shapes, out count);
    }

    private static JsonObject InferResidual(WeightShapes shapes, out int count)
    {
        int doublings = 0;
        while (shapes.Has($"conv_up{doublings + 1}.weight"))
            doublings++;
        int channels = shapes.Axis("conv_first.weight", 1), blocks = shapes.Count("body", "rdb1.conv1.weight");
        int unshuffle = channels switch
        {
            UpscalerConfig.ImageChannels => 1,
            UpscalerConfig.ImageChannels * 2 * 2 => 2,
            UpscalerConfig.ImageChannels * 4 * 4 => 4,
            _ => throw shapes.Invalid($"it takes {channels} channels, not the 3 of an image"),
        };
        if (doublings > 4 || (1 << doublings) < unshuffle)
            throw shapes.Invalid($"it takes {channels} channels and doubles the size {doublings} times");

        count = (PerBlock * blocks) + (PerConvolution * (4 + doublings));
        return new JsonObject
        {
            ["_class_name"] = UpscalerConfig.ResidualClass,
            ["scale"] = (1 << doublings) / unshuffle,
            ["num_feat"] = shapes.Axis("conv_first.weight", 0),
            ["num_block"] = blocks,
            ["num_grow_ch"] = shapes.Axis("body.0.rdb1.conv1.weight", 0),
            ["num_upsampling"] = doublings,
        };
    }

    private static JsonObject InferCompact(WeightShapes shapes, out int count)
    {
        // Convolutions and activations take turns; the last layer is a convolution.
        int layers = shapes.Count("body", "weight");
        if (layers < 5 || layers % 2 == 0 || shapes.Rank("body.1.weight") != 1)
            throw shapes.Invalid($"its {layers} layers are not convolutions with activations between them that have weights (PReLU)");

        int channels = shapes.Axis($"body.{layers - 1}.weight", 0), scale = (int)Math.Sqrt(channels / UpscalerConfig.ImageChannels);
        if (scale is 0 or > UpscalerConfig.LargestScale || scale * scale * UpscalerConfig.ImageChannels != channels)
            throw shapes.Invalid($"the {channels} channels of its last layer are not three times the square of a scale up to {UpscalerConfig.LargestScale}");

        count = layers + ((layers + 1) / 2);
        return new JsonObject
        {
            ["_class_name"] = UpscalerConfig.CompactClass,
            ["upscale"] = scale,
            ["num_feat"] = shapes.Axis("body.0.weight", 0),
            ["num_conv"] = ((layers + 1) / 2) - 2,
        };
    }
}
