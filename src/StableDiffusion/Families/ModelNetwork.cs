using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Families;

/// <summary>One of a model's networks, ready to be built.</summary>
/// <param name="Name">The name of its folder in diffusers' layout.</param>
/// <param name="ConfigPath">The path of its config in messages.</param>
/// <param name="Config">Its <c>config.json</c>.</param>
/// <param name="Weights">Its weights under diffusers' names.</param>
internal sealed record ModelNetwork(string Name, string ConfigPath, byte[] Config, IWeights Weights)
{
    public ConfigFile ReadConfig() => ConfigFile.Parse(Config, ConfigPath);
}

/// <summary>A graph of a network, whose weights were checked against its config.</summary>
/// <param name="Name">The name of its folder in optimum's layout.</param>
/// <param name="Config">The config to save with it.</param>
/// <param name="Build">Makes the graph in a precision; null for 32-bit floats.</param>
internal sealed record NetworkGraph(string Name, byte[] Config, Func<GraphPrecision?, GraphBuilder> Build)
{
    /// <summary>Makes the graph with inputs for the residuals of ControlNets; null if the network does not support them.</summary>
    public Func<GraphPrecision?, GraphBuilder>? BuildControlled { get; init; }

    /// <summary>Makes the graph of the outer layers of each branch; empty for other networks than a U-Net.</summary>
    public IReadOnlyList<Func<GraphPrecision?, GraphBuilder>> BuildOuter { get; init; } = [];
}
