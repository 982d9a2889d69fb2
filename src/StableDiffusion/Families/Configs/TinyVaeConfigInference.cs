using System.Text.Json.Nodes;
using StableDiffusion.Families.Keys;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Configs;

/// <summary>Infers the config of a tiny autoencoder from its weights: the channels from their shapes, the blocks from their names.</summary>
internal static class TinyVaeConfigInference
{
    /// <summary>The largest number of resolutions; known models have 4.</summary>
    private const int MostLevels = 16;

    /// <summary>Infers a config.</summary>
    /// <param name="parts">The weights under diffusers' names, of both halves or of one of them.</param>
    /// <returns>The autoencoder's <c>config.json</c>.</returns>
    /// <exception cref="ModelInvalidException">Weights are missing or their shapes do not fit.</exception>
    public static JsonObject Infer(IReadOnlyList<MappedWeights> parts)
    {
        WeightShapes[] shapes = [.. parts.Select(static part => new WeightShapes(part, "tiny autoencoder"))];
        WeightShapes? encoder = shapes.FirstOrDefault(static part => part.Has(FirstOf(TinyVaeKeys.Encoder)));
        WeightShapes? decoder = shapes.FirstOrDefault(static part => part.Has(FirstOf(TinyVaeKeys.Decoder)));
        if ((encoder ?? decoder) is null)
            throw shapes[0].Invalid("its first layer is missing");

        // A half that is not there is not built; what is said of it only has to agree with the other one.
        int[]? encoderBlocks = encoder is null ? null : CountBlocks(encoder, TinyVaeKeys.Encoder, first: 1, skipped: 0);
        int[]? decoderBlocks = decoder is null ? null : CountBlocks(decoder, TinyVaeKeys.Decoder, first: 2, skipped: 1);
        int? encoderChannels = encoder?.Axis(FirstOf(TinyVaeKeys.Encoder), 0);
        int? decoderChannels = decoder?.Axis(FirstOf(TinyVaeKeys.Decoder), 0);
        JsonObject config = new()
        {
            ["_class_name"] = TinyVaeConfig.ClassName,
            ["latent_channels"] = decoder?.Axis(FirstOf(TinyVaeKeys.Decoder), 1) ?? encoder!.Axis($"{TinyVaeKeys.Encoder}.{encoderBlocks!.Sum() + encoderBlocks!.Length}.weight", 0),
        };
        Add("encoder", encoderChannels ?? decoderChannels!.Value, encoderBlocks ?? decoderBlocks!);
        Add("decoder", decoderChannels ?? encoderChannels!.Value, decoderBlocks ?? encoderBlocks!);
        return config;

        void Add(string half, int channels, int[] blocks)
        {
            config[$"{half}_block_out_channels"] = new JsonArray([.. blocks.Select(_ => (JsonNode)channels)]);
            config[$"num_{half}_blocks"] = new JsonArray([.. blocks.Select(static count => (JsonNode)count)]);
        }
    }

    private static string FirstOf(string layers) => $"{layers}.0.weight";

    /// <summary>Counts the residual blocks of each resolution. A convolution without a bias leads to the next one, one with a bias is the last layer.</summary>
    /// <param name="shapes">The shapes.</param>
    /// <param name="layers">The path of the layers.</param>
    /// <param name="first">The index of the first block.</param>
    /// <param name="skipped">The number of layers without weights before the convolution.</param>
    private static int[] CountBlocks(WeightShapes shapes, string layers, int first, int skipped)
    {
        List<int> counts = [];
        int layer = first;
        while (counts.Count < MostLevels)
        {
            int blocks = shapes.Count(layers, "conv.0.weight", layer);
            if (blocks == 0)
                throw shapes.Invalid($"there is no block at '{layers}.{layer}'");
            counts.Add(blocks);
            layer += blocks;
            if (shapes.Has($"{layers}.{layer}.bias"))
                return [.. counts];
            layer += skipped;
            if (!shapes.Has($"{layers}.{layer}.weight"))
                throw shapes.Invalid($"there is no convolution at '{layers}.{layer}'");
            layer++;
        }

        throw shapes.Invalid($"it has more than {MostLevels} resolutions");
    }
}
