using StableDiffusion.Models.Weights;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Models.Graphs;

/// <summary>
/// What the U-Net knows of a timestep: sines and cosines of it at falling frequencies (Ho et al., 2020), and two
/// layers over them.
/// </summary>
internal sealed class TimestepEmbedding
{
    private const float MaxPeriod = 10000;

    private readonly int _waves;
    private readonly bool _cosinesFirst;
    private readonly float _frequencyShift;
    private readonly Linear _linear1;
    private readonly Linear _linear2;

    /// <summary>Takes the weights of the embedding.</summary>
    /// <param name="weights">The weights of <c>linear_1</c> and <c>linear_2</c>.</param>
    /// <param name="waveWidth">How many sines and cosines there are together; even.</param>
    /// <param name="width">The embedding's width.</param>
    /// <param name="cosinesFirst">Whether the cosines stand before the sines (<c>flip_sin_to_cos</c>).</param>
    /// <param name="frequencyShift">What the number of frequencies is lessened by in their spacing (<c>freq_shift</c>).</param>
    public TimestepEmbedding(WeightScope weights, int waveWidth, int width, bool cosinesFirst, float frequencyShift)
    {
        _waves = waveWidth / 2;
        _cosinesFirst = cosinesFirst;
        _frequencyShift = frequencyShift;
        _linear1 = new Linear(weights["linear_1"], waveWidth, width);
        _linear2 = new Linear(weights["linear_2"], width, width);
    }

    /// <summary>Adds the embedding to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="timestep">Timesteps [steps]; they may be fractional.</param>
    /// <returns>Embeddings [steps, width].</returns>
    public Value Apply(GraphBuilder graph, Value timestep)
    {
        // In 32-bit floats like the reference: at timestep 999 the rounding of a frequency shows in the fourth digit.
        float[] frequencies = new float[_waves];
        for (int i = 0; i < _waves; i++)
            frequencies[i] = MathF.Exp(-MathF.Log(MaxPeriod) * i / (_waves - _frequencyShift));

        Value angles = graph.Mul(graph.Reshape(timestep, -1, 1), graph.Floats(frequencies));
        Value sines = graph.Node("Sin", [angles]);
        Value cosines = graph.Node("Cos", [angles]);
        Value waves = _cosinesFirst ? graph.Concat(1, cosines, sines) : graph.Concat(1, sines, cosines);
        return _linear2.Apply(graph, graph.Silu(_linear1.Apply(graph, waves)));
    }
}
