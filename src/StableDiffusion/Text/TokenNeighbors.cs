using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>Finds the entries of a vocabulary whose vectors point in nearly the same direction as that of a token.</summary>
/// <param name="tokenizer">The tokenizer, which knows the entries.</param>
/// <param name="vectors">The table of token embeddings, [entries, width].</param>
/// <param name="added">The vectors of textual inversion, whose ids follow those of the table, [vectors, width]; null for none.</param>
internal sealed class TokenNeighbors(ClipTokenizer tokenizer, Tensor vectors, Tensor? added)
{
    /// <summary>The most neighbors of a token.</summary>
    public const int Most = 1000;

    private readonly int _width = vectors.Shape[1];
    private readonly Dictionary<int, IReadOnlyList<TokenNeighbor>> _found = [];
    private float[]? _lengths;

    /// <summary>Finds the neighbors of a token.</summary>
    /// <param name="id">The id of the token.</param>
    /// <param name="count">How many.</param>
    /// <returns>The nearest first, without the token itself; none if it has no direction.</returns>
    public IReadOnlyList<TokenNeighbor> Of(int id, int count)
    {
        if (_found.TryGetValue(id, out IReadOnlyList<TokenNeighbor>? found))
            return found;

        ReadOnlySpan<float> vector = id < vectors.Shape[0] ? Row(vectors, id) : Row(added!, id - vectors.Shape[0]);
        float length = TensorPrimitives.Norm(vector);
        PriorityQueue<int, (float Similarity, int Order)> nearest = new();
        _lengths ??= [.. Enumerable.Range(0, vectors.Shape[0]).Select(row => TensorPrimitives.Norm(Row(vectors, row)))];
        for (int row = 0; row < vectors.Shape[0] && length > 0; row++)
        {
            if (row == id || _lengths[row] == 0 || tokenizer.EntryOf(row) is null)
                continue;
            float similarity = TensorPrimitives.Dot(vector, Row(vectors, row)) / (length * _lengths[row]);
            nearest.Enqueue(row, (similarity, -row));
            if (nearest.Count > count)
                nearest.Dequeue();
        }

        List<TokenNeighbor> neighbors = [];
        while (nearest.TryDequeue(out int row, out (float Similarity, int Order) near))
        {
            (string text, bool endsWord) = tokenizer.EntryOf(row)!.Value;
            neighbors.Add(new TokenNeighbor(text, row, near.Similarity, endsWord));
        }

        neighbors.Reverse();
        _found.Add(id, neighbors);
        return neighbors;
    }

    private ReadOnlySpan<float> Row(Tensor table, int row) => table.Span.Slice(row * _width, _width);
}
