using StableDiffusion.Prompts;

namespace StableDiffusion.Text;

/// <summary>Divides a prompt of any length into chunks for the text encoder.</summary>
/// <remarks>
/// After <c>tokenize_line</c> of A1111 1.10 (sd_hijack_clip.py) and ComfyUI's <c>SDTokenizer.tokenize_with_weights</c>.
/// </remarks>
internal sealed class PromptChunker
{
    /// <summary>How many tokens back A1111 searches for a comma to divide at.</summary>
    private const int CommaBacktrack = 20;

    /// <summary>The number of tokens from which ComfyUI divides a segment of one weight rather than moving it as a whole.</summary>
    private const int LongestWholeStretch = 8;

    private readonly PromptTokenizer _words;
    private readonly ClipTokenizer _tokenizer;
    private readonly int _room;
    private readonly int? _comma;
    private readonly List<PromptChunk> _chunks = [];
    private readonly List<PromptToken> _tokens = [];
    private List<(ClipToken Token, double Weight)> _current = [];

    private PromptChunker(PromptTokenizer tokenizer)
    {
        _words = tokenizer;
        _tokenizer = tokenizer.Clip;
        _room = _tokenizer.MaxLength - 2;
        _comma = _tokenizer.Tokenize(",") is [ClipToken comma] ? comma.Id : null;
    }

    /// <summary>Divides a prompt whose schedules are resolved.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="text">The prompt.</param>
    /// <param name="options">How to read it; the syntax is not <see cref="PromptSyntax.Plain"/>.</param>
    /// <returns>The chunks, at least one, and the tokens of the prompt itself.</returns>
    public static (IReadOnlyList<PromptChunk> Chunks, IReadOnlyList<PromptToken> Tokens) Divide(PromptTokenizer tokenizer, string text, PromptOptions options)
    {
        PromptChunker chunker = new(tokenizer);
        if (options.Syntax == PromptSyntax.ComfyUI)
            chunker.DivideAsComfyUI(PromptAttention.Parse(text, PromptSyntax.ComfyUI));
        else
            chunker.DivideAsA1111(options.Emphasis == EmphasisMode.None ? [new WeightedText(text, 1, 0)] : PromptAttention.Parse(text, PromptSyntax.A1111));
        return (chunker._chunks, chunker._tokens);
    }

    /// <summary>Returns a chunk without tokens, which pads a prompt that is shorter than another.</summary>
    public static PromptChunk Empty(PromptTokenizer tokenizer)
    {
        PromptChunker chunker = new(tokenizer);
        chunker.CloseChunk();
        return chunker._chunks[0];
    }

    private void DivideAsA1111(IReadOnlyList<WeightedText> parts)
    {
        int lastComma = -1;
        foreach (WeightedText part in parts)
        {
            // With a weight, the keyword is an ordinary word.
            if (part.IsBreak && part.Weight == -1)
            {
                CloseChunk();
                lastComma = -1;
                continue;
            }

            foreach (ClipToken[] word in _words.Tokenize(part.Text))
            {
                // The vectors of a word stay together.
                if (word is not [ClipToken token])
                {
                    if (_current.Count + word.Length > _room)
                    {
                        CloseChunk();
                        lastComma = -1;
                    }

                    _current.AddRange(word.Select(vector => (vector, part.Weight)));
                    continue;
                }

                if (token.Id == _comma)
                {
                    lastComma = _current.Count;
                }
                else if (_current.Count == _room && lastComma != -1 && _current.Count - lastComma <= CommaBacktrack)
                {
                    List<(ClipToken, double)> moved = _current[(lastComma + 1)..];
                    _current.RemoveRange(lastComma + 1, moved.Count);
                    CloseChunk();
                    _current = moved;
                    lastComma = -1;
                }

                if (_current.Count == _room)
                {
                    CloseChunk();
                    lastComma = -1;
                }

                _current.Add((token, part.Weight));
            }
        }

        if (_current.Count > 0 || _chunks.Count == 0)
            CloseChunk();
    }

    private void DivideAsComfyUI(IReadOnlyList<WeightedText> parts)
    {
        foreach (WeightedText part in parts)
        {
            List<ClipToken> stretch = [];
            foreach (ClipToken[] word in _words.Tokenize(part.Text))
            {
                if (word.Length == 1)
                {
                    stretch.Add(word[0]);
                    continue;
                }

                AddStretch([.. stretch], part.Weight);
                AddStretch(word, part.Weight);
                stretch.Clear();
            }

            AddStretch([.. stretch], part.Weight);
        }

        CloseChunk();
    }

    private void AddStretch(ReadOnlySpan<ClipToken> left, double weight)
    {
        bool isLong = left.Length >= LongestWholeStretch;
        while (left.Length > 0)
        {
            int free = _room - _current.Count;
            int taken = left.Length <= free ? left.Length : isLong ? free : 0;
            foreach (ClipToken token in left[..taken])
                _current.Add((token, weight));
            left = left[taken..];
            if (left.Length > 0)
                CloseChunk();
        }
    }

    private void CloseChunk()
    {
        int[] ids = new int[_tokenizer.MaxLength];
        float[] weights = new float[_tokenizer.MaxLength];
        weights.AsSpan().Fill(1);
        ids.AsSpan(_current.Count + 2).Fill(_tokenizer.PadId);
        ids[0] = _tokenizer.StartId;
        ids[_current.Count + 1] = _tokenizer.EndId;
        for (int i = 0; i < _current.Count; i++)
        {
            (ClipToken token, double weight) = _current[i];
            ids[i + 1] = token.Id;
            weights[i + 1] = (float)weight;
            _tokens.Add(new PromptToken(token.Text, token.Id, weight, _chunks.Count));
        }

        _chunks.Add(new PromptChunk(ids, weights));
        _current = [];
    }
}
