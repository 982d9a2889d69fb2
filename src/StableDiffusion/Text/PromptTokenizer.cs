using StableDiffusion.Prompts;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// A tokenizer that also recognizes words of textual inversion. Each vector of a word is a token with an id beyond the
/// vocabulary, in the order of the words.
/// </summary>
/// <remarks>
/// Each tool finds words in its own way: A1111 by the tokens of the name, so that it must be a separate word; diffusers by the
/// letters of the name; ComfyUI by the name after <c>embedding:</c>.
/// </remarks>
internal sealed class PromptTokenizer
{
    private const string ComfyMark = "embedding:";

    private readonly PromptSyntax _syntax;
    private readonly Word[] _words;

    /// <summary>Adds words to a tokenizer.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="words">The words; those with longer names are searched for first.</param>
    /// <param name="vocabularySize">The id of the first vector.</param>
    /// <param name="syntax">How words are found.</param>
    public PromptTokenizer(ClipTokenizer tokenizer, IReadOnlyList<TextualInversion> words, int vocabularySize, PromptSyntax syntax)
    {
        Clip = tokenizer;
        _syntax = syntax;
        List<Word> known = [];
        foreach (TextualInversion word in words)
        {
            known.Add(new Word(word.Name, [.. tokenizer.Tokenize(word.Name).Select(token => token.Id)], vocabularySize, word.VectorCount));
            vocabularySize += word.VectorCount;
        }

        _words = [.. known.OrderByDescending(word => word.Name.Length)];
    }

    private sealed record Word(string Name, int[] NameIds, int FirstId, int Count);

    /// <summary>The tokenizer without the words.</summary>
    public ClipTokenizer Clip { get; }

    /// <summary>The vectors of words in the order of their ids, [vectors, width].</summary>
    /// <param name="words">The words, at least one.</param>
    /// <param name="isSecond">Whether they are for SDXL's second text encoder.</param>
    /// <param name="width">The width of the vectors.</param>
    public static Tensor Vectors(IReadOnlyList<TextualInversion> words, bool isSecond, int width) =>
        new([.. words.SelectMany(word => word.VectorsFor(isSecond, width).Values)], words.Sum(word => word.VectorCount), width);

    /// <summary>Converts a text to the input of a text encoder, as <see cref="ClipTokenizer.Encode"/> does.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The ids, and the words that were cut off.</returns>
    public TokenizedPrompt Encode(string text)
    {
        if (_words.Length == 0)
            return Clip.Encode(text);

        ClipToken[] tokens = [.. Tokenize(text).SelectMany(static stretch => stretch)];
        int used = Math.Min(tokens.Length, Clip.MaxLength - 2);
        int[] ids = new int[Clip.MaxLength];
        ids.AsSpan().Fill(Clip.PadId);
        ids[0] = Clip.StartId;
        ids[used + 1] = Clip.EndId;
        for (int i = 0; i < used; i++)
            ids[i + 1] = tokens[i].Id;
        return new TokenizedPrompt(ids, [.. tokens[..used].Select(static token => token.Text)], used < tokens.Length ? text[tokens[used].Start..].Trim() : string.Empty);
    }

    /// <summary>The names that a text asks for in ComfyUI's syntax, whether they are known or not.</summary>
    /// <param name="text">A part of a prompt, without weights.</param>
    /// <returns>The names, without commas at their ends.</returns>
    public static IEnumerable<string> ComfyNames(string text) => text
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        .Where(static word => word.StartsWith(ComfyMark, StringComparison.Ordinal))
        .Select(static word => word[ComfyMark.Length..].TrimEnd(','))
        .Where(static name => name.Length > 0);

    /// <summary>Splits a text into tokens.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The tokens in indivisible groups: each one token, or all vectors of a word.</returns>
    public IEnumerable<ClipToken[]> Tokenize(string text) => _words.Length == 0 ? Clip.Tokenize(text).Select(static token => new[] { token })
        : _syntax == PromptSyntax.A1111 ? FindByTokens(text)
        : FindByName(text);

    /// <summary>Describes a token at its place in an embedding. The vectors of a word together have the text of the word.</summary>
    /// <param name="token">The token.</param>
    /// <param name="position">The index of its vector.</param>
    public PlacedToken Place(PromptToken token, int position) =>
        Array.Find(_words, word => token.Id >= word.FirstId && token.Id < word.FirstId + word.Count) is Word word
            ? new PlacedToken(token.Id == word.FirstId ? word.Name.ToLowerInvariant() : string.Empty, position, token.Id == word.FirstId + word.Count - 1)
            : new PlacedToken(token.Text, position, Clip.EndsWord(token.Id));

    private IEnumerable<ClipToken[]> FindByTokens(string text)
    {
        IReadOnlyList<ClipToken> tokens = Clip.Tokenize(text);
        for (int i = 0; i < tokens.Count;)
        {
            Word? word = Array.Find(_words, word => IsAt(tokens, i, word.NameIds));
            if (word is null)
            {
                yield return [tokens[i]];
                i++;
            }
            else
            {
                ClipToken last = tokens[i + word.NameIds.Length - 1];
                yield return Expand(word, tokens[i].Start, last.Start + last.Length - tokens[i].Start);
                i += word.NameIds.Length;
            }
        }
    }

    private IEnumerable<ClipToken[]> FindByName(string text)
    {
        int done = 0;
        for (int start = 0; start < text.Length;)
        {
            Word? word = Array.Find(_words, word => LengthAt(text, start, word) > 0);
            if (word is null)
            {
                start++;
                continue;
            }

            foreach (ClipToken[] token in Ordinary(text, done, start))
                yield return token;
            int length = LengthAt(text, start, word);
            yield return Expand(word, start, length);
            start += length;
            done = start;
        }

        foreach (ClipToken[] token in Ordinary(text, done, text.Length))
            yield return token;
    }

    private IEnumerable<ClipToken[]> Ordinary(string text, int start, int end) =>
        Clip.Tokenize(text[start..end]).Select(token => new[] { token with { Start = start + token.Start } });

    // ComfyUI divides at white space before the mark, and removes commas from the end of a name that it does not know.
    private int LengthAt(string text, int start, Word word)
    {
        int name = start;
        if (_syntax == PromptSyntax.ComfyUI)
        {
            if (!text.AsSpan(start).StartsWith(ComfyMark, StringComparison.Ordinal) || (start > 0 && !char.IsWhiteSpace(text[start - 1])))
                return 0;
            name += ComfyMark.Length;
        }

        int end = name + word.Name.Length;
        if (end > text.Length || !text.AsSpan(name, word.Name.Length).Equals(word.Name, StringComparison.OrdinalIgnoreCase))
            return 0;
        return _syntax != PromptSyntax.ComfyUI || end == text.Length || text[end] == ',' || char.IsWhiteSpace(text[end]) ? end - start : 0;
    }

    private static bool IsAt(IReadOnlyList<ClipToken> tokens, int index, int[] ids)
    {
        if (ids.Length == 0 || index + ids.Length > tokens.Count)
            return false;
        for (int i = 0; i < ids.Length; i++)
        {
            if (tokens[index + i].Id != ids[i])
                return false;
        }

        return true;
    }

    // diffusers' names for the second and further vectors.
    private static ClipToken[] Expand(Word word, int start, int length) =>
        [.. Enumerable.Range(0, word.Count).Select(i => new ClipToken(word.FirstId + i, i == 0 ? word.Name : $"{word.Name}_{i}", start, length))];
}
