using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>A residual block of two convolutions (He et al., 2015); in the U-Net, the timestep embedding is added between them.</summary>
internal sealed class ResnetBlock
{
    private readonly int _outChannels;
    private readonly GroupNorm _norm1;
    private readonly Conv2d _conv1;
    private readonly Linear? _timeProjection;
    private readonly GroupNorm _norm2;
    private readonly Conv2d _conv2;
    private readonly Conv2d? _shortcut;

    /// <summary>Reads the weights of a block.</summary>
    /// <param name="weights">The block's weights.</param>
    /// <param name="inChannels">The number of input channels.</param>
    /// <param name="outChannels">The number of output channels.</param>
    /// <param name="groups">The number of groups of its normalizations.</param>
    /// <param name="epsilon">The epsilon of its normalizations.</param>
    /// <param name="timeWidth">The width of the timestep embedding, or null if there is none.</param>
    public ResnetBlock(WeightScope weights, int inChannels, int outChannels, int groups, float epsilon, int? timeWidth = null)
    {
        _outChannels = outChannels;
        _norm1 = new GroupNorm(weights["norm1"], inChannels, groups, epsilon);
        _conv1 = new Conv2d(weights["conv1"], inChannels, outChannels);
        if (timeWidth is not null)
            _timeProjection = new Linear(weights["time_emb_proj"], timeWidth.Value, outChannels);
        _norm2 = new GroupNorm(weights["norm2"], outChannels, groups, epsilon);
        _conv2 = new Conv2d(weights["conv2"], outChannels, outChannels);
        if (inChannels != outChannels)
            _shortcut = new Conv2d(weights["conv_shortcut"], inChannels, outChannels, kernel: 1);
    }

    /// <summary>Adds the block to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, in channels, height, width].</param>
    /// <param name="time">The activated timestep embedding [steps, time width], if the block uses one.</param>
    /// <returns>Feature maps [batch, out channels, height, width].</returns>
    public Value Apply(GraphBuilder graph, Value x, Value time = default)
    {
        Value hidden = _conv1.Apply(graph, graph.Silu(_norm1.Apply(graph, x)));
        if (_timeProjection is not null)
            hidden = graph.Add(hidden, graph.Reshape(_timeProjection.Apply(graph, time), -1, _outChannels, 1, 1));
        hidden = _conv2.Apply(graph, graph.Silu(_norm2.Apply(graph, hidden)));
        return graph.Add(_shortcut is null ? x : _shortcut.Apply(graph, x), hidden);
    }
}
