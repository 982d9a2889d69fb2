using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Attention of several heads between its four projections (Vaswani et al., 2017).</summary>
/// <param name="query">Makes the queries from the tokens.</param>
/// <param name="key">Makes the keys from what they look at.</param>
/// <param name="value">Makes the values from what they look at.</param>
/// <param name="output">Brings the heads together.</param>
/// <param name="heads">How many heads.</param>
/// <param name="causal">Whether a token looks only at itself and those before it.</param>
internal sealed class Attention(Linear query, Linear key, Linear value, Linear output, int heads, bool causal = false)
{
    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Tokens [batch, tokens, width].</param>
    /// <param name="context">What they look at [batch, other tokens, other width]; the tokens themselves in self-attention.</param>
    /// <returns>Tokens [batch, tokens, width].</returns>
    public Value Apply(GraphBuilder graph, Value x, Value context)
    {
        Value heard = graph.Attention(
            query.Apply(graph, x), key.Apply(graph, context), value.Apply(graph, context), heads, causal);
        return output.Apply(graph, heard);
    }
}
