using StableDiffusion.Text;

namespace StableDiffusion.Denoising.CrossAttention;

/// <summary>The attention of a layer in a step.</summary>
/// <param name="Step">The step, from 1.</param>
/// <param name="Layer">The name of the layer.</param>
/// <param name="Text">The text that the pixels look at.</param>
/// <param name="Width">The width of the layer's feature maps.</param>
/// <param name="Height">Their height.</param>
/// <param name="Heads">The number of heads; 1 for their mean.</param>
/// <param name="HasHeads">Whether the heads are kept.</param>
/// <param name="Values">The probabilities, [heads, columns of the text, height, width].</param>
internal sealed record AttentionPlane(int Step, string Layer, AttentionText Text, int Width, int Height, int Heads, bool HasHeads, float[] Values)
{
    /// <summary>The memory of the values, in bytes.</summary>
    public long Bytes => (long)Values.Length * sizeof(float);

    /// <summary>How much each pixel looks at a column of the text.</summary>
    /// <param name="head">The head, from 0.</param>
    /// <param name="column">The column.</param>
    public ReadOnlySpan<float> Of(int head, int column) => Values.AsSpan(((head * Text.Columns) + column) * Width * Height, Width * Height);
}

/// <summary>
/// The columns that an attention is kept in: one for each token of the text, one for the starts of its chunks, and one for their ends
/// and the padding after them.
/// </summary>
internal sealed class AttentionText
{
    // CLIP's names of them.
    private const string Start = "<|startoftext|>";
    private const string End = "<|endoftext|>";

    private readonly PlacedToken[] _tokens;
    private readonly int[] _columns;

    /// <summary>Initializes the columns.</summary>
    /// <param name="text">Where the tokens of the text are.</param>
    /// <param name="length">The number of vectors of its embedding.</param>
    public AttentionText(PlacedText text, int length)
    {
        // An embedding of a file can say anything of its tokens.
        _tokens = [.. text.Tokens.Where(token => token.Position >= 0 && token.Position < length).DistinctBy(static token => token.Position)];
        _columns = new int[length];
        for (int position = 0; position < length; position++)
            _columns[position] = position % text.ChunkLength == 0 ? _tokens.Length : _tokens.Length + 1;
        for (int token = 0; token < _tokens.Length; token++)
            _columns[_tokens[token].Position] = token;
    }

    /// <summary>The number of vectors of its embedding.</summary>
    public int Length => _columns.Length;

    /// <summary>The number of columns.</summary>
    public int Columns => _tokens.Length + 2;

    /// <summary>The column of a vector of the embedding.</summary>
    /// <param name="position">Its index.</param>
    public int ColumnOf(int position) => _columns[position];

    /// <summary>The words of the text, each with the columns of its tokens.</summary>
    public IEnumerable<(string Word, int[] Columns)> Words
    {
        get
        {
            for (int start = 0, end; start < _tokens.Length; start = end)
            {
                end = start + 1;
                while (end < _tokens.Length && !_tokens[end - 1].EndsWord)
                    end++;
                yield return (string.Concat(_tokens.Take(start..end).Select(static token => token.Text)), [.. Enumerable.Range(start, end - start)]);
            }
        }
    }

    /// <summary>The vectors of the embedding that a column stands for.</summary>
    /// <param name="column">The column.</param>
    public IEnumerable<int> PositionsOf(int column) => Enumerable.Range(0, _columns.Length).Where(position => _columns[position] == column);

    /// <summary>Finds words that follow each other.</summary>
    /// <param name="words">The words in any case, such as <c>red house</c>; or CLIP's name of the start, or of the end with the padding.</param>
    /// <returns>The columns of their tokens, wherever the text has them; empty if it does not.</returns>
    public int[] Find(string words)
    {
        if (words.Trim() is Start or End)
            return [_tokens.Length + (words.Trim() == Start ? 0 : 1)];

        string wanted = string.Concat(ClipTokenizerText.Normalize(words).Text.Where(static letter => !char.IsWhiteSpace(letter)));
        (string Word, int[] Columns)[] own = [.. Words];
        List<int> found = [];
        for (int start = 0; start < own.Length && wanted.Length > 0; start++)
        {
            int end = start, length = 0;
            while (end < own.Length && length < wanted.Length && string.CompareOrdinal(wanted, length, own[end].Word, 0, own[end].Word.Length) == 0)
                length += own[end++].Word.Length;
            if (length != wanted.Length)
                continue;
            found.AddRange(own.Take(start..end).SelectMany(static word => word.Columns));
            start = end - 1;
        }

        return [.. found];
    }
}
