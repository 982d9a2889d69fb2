using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Sinusoidal embeddings: sines and cosines at decreasing frequencies (Vaswani et al., 2017; Ho et al., 2020).</summary>
/// <param name="width">The total number of sines and cosines; even.</param>
/// <param name="cosinesFirst">Whether the cosines precede the sines (<c>flip_sin_to_cos</c>).</param>
/// <param name="frequencyShift">The number by which the number of frequencies is reduced to compute their spacing (<c>freq_shift</c>).</param>
internal sealed class SinusoidalWaves(int width, bool cosinesFirst, float frequencyShift)
{
    private const float MaxPeriod = 10000;

    /// <summary>Adds the embeddings to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="numbers">Values [..], 32-bit floats; they may be fractional.</param>
    /// <returns>One embedding per value [.., width].</returns>
    public Value Apply(GraphBuilder graph, Value numbers)
    {
        // In 32-bit floats like the reference: at timestep 999 the rounding of a frequency affects the fourth digit.
        float[] frequencies = new float[width / 2];
        for (int i = 0; i < frequencies.Length; i++)
            frequencies[i] = MathF.Exp(-MathF.Log(MaxPeriod) * i / (frequencies.Length - frequencyShift));

        Value angles = graph.Mul(graph.Node("Unsqueeze", [numbers, graph.Integers(-1)]), graph.Floats(frequencies));
        Value sines = graph.Node("Sin", [angles]);
        Value cosines = graph.Node("Cos", [angles]);
        return graph.ToComputed(cosinesFirst ? graph.Concat(-1, cosines, sines) : graph.Concat(-1, sines, cosines));
    }
}
