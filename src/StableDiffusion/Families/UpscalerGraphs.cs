using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs.Upscalers;

namespace StableDiffusion.Families;

/// <summary>Makes the graph of an upscaler.</summary>
internal static class UpscalerGraphs
{
    /// <summary>Makes the graph of an upscaler of either class.</summary>
    /// <param name="network">The upscaler.</param>
    /// <exception cref="ModelInvalidException">The weights contradict the config, or the config is not supported.</exception>
    public static NetworkGraph Make(ModelNetwork network)
    {
        UpscalerConfig config = UpscalerConfig.From(network.ReadConfig());
        return new NetworkGraph(ModelParts.Upscaler, network.Config, config.IsCompact ? new CompactUpscalerGraph(network.Weights, config).Build : new ResidualUpscalerGraph(network.Weights, config).Build);
    }
}
