using StableDiffusion.Families.Keys;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Networks.Graphs.Tiny;
using StableDiffusion.Weights;

namespace StableDiffusion.Families;

/// <summary>Makes the graphs of an autoencoder that is used in place of a model's own.</summary>
internal static class VaeGraphs
{
    /// <summary>Whether an autoencoder has an encoder; some files of tiny ones have only a decoder.</summary>
    /// <param name="network">The autoencoder.</param>
    public static bool HasEncoder(ModelNetwork network) => !IsTiny(network) || HasHalf(network.Weights, TinyVaeKeys.Encoder);

    /// <summary>Whether an autoencoder has a decoder.</summary>
    /// <param name="network">The autoencoder.</param>
    public static bool HasDecoder(ModelNetwork network) => !IsTiny(network) || HasHalf(network.Weights, TinyVaeKeys.Decoder);

    /// <summary>Makes the graphs of an autoencoder of either class.</summary>
    /// <param name="network">The autoencoder.</param>
    /// <returns>The graphs of the encoder, if there is one, and of the decoder.</returns>
    /// <exception cref="ModelInvalidException">The weights contradict the config, or the config is not supported.</exception>
    public static IReadOnlyList<NetworkGraph> Make(ModelNetwork network)
    {
        if (!IsTiny(network))
        {
            VaeConfig full = VaeConfig.From(network.ReadConfig());
            return
            [
                new NetworkGraph(ModelParts.VaeEncoder, network.Config, new VaeEncoderGraph(network.Weights, full).Build),
                new NetworkGraph(ModelParts.VaeDecoder, network.Config, new VaeDecoderGraph(network.Weights, full).Build),
            ];
        }

        TinyVaeConfig config = TinyVaeConfig.From(network.ReadConfig());
        NetworkGraph decoder = new(ModelParts.VaeDecoder, network.Config, new TinyDecoderGraph(network.Weights, config).Build);
        return HasEncoder(network) ? [new NetworkGraph(ModelParts.VaeEncoder, network.Config, new TinyEncoderGraph(network.Weights, config).Build), decoder] : [decoder];
    }

    private static bool IsTiny(ModelNetwork network) => VaeTraits.IsTiny(network.ReadConfig());

    private static bool HasHalf(IWeights weights, string layers) => weights.FindShape($"{layers}.0.weight") is not null;
}
