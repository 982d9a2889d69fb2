using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Networks.Graphs;

/// <summary>Multi-head attention with its four projections (Vaswani et al., 2017).</summary>
/// <param name="query">The projection of the tokens to queries.</param>
/// <param name="key">The projection of the context to keys.</param>
/// <param name="value">The projection of the context to values.</param>
/// <param name="output">The projection of the joined heads.</param>
/// <param name="heads">The number of heads.</param>
/// <param name="causal">Whether a token attends only to itself and the tokens before it.</param>
internal sealed class Attention(Linear query, Linear key, Linear value, Linear output, int heads, bool causal = false)
{
    /// <summary>Adds the layer to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Tokens [batch, tokens, width].</param>
    /// <param name="context">The tokens to attend to [batch, other tokens, other width]; <paramref name="x"/> for self-attention.</param>
    /// <returns>Tokens [batch, tokens, width].</returns>
    public Value Apply(GraphBuilder graph, Value x, Value context)
    {
        Value heard = graph.Attention(
            query.Apply(graph, x), key.Apply(graph, context), value.Apply(graph, context), heads, causal);
        return output.Apply(graph, heard);
    }
}
