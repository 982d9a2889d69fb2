using System.Buffers;
using Microsoft.ML.Tokenizers;

namespace StableDiffusion.Text;

/// <summary>
/// CLIP's byte-level byte pair encoding, with the results of the transformers library's <c>CLIPTokenizer</c>. Thread-safe.
/// Sources: Radford et al., arXiv 2103.00020, section 2.4; Sennrich et al., arXiv 1508.07909.
/// </summary>
internal sealed class ClipTokenizer
{
    // The time to merge is quadratic in the length of a word; a longer run of letters is encoded in pieces of this many UTF-16 units.
    private const int MaxWordLength = 1024;

    private readonly BpeTokenizer _encoder;
    private readonly ClipTokenizerAlphabet _alphabet;
    private readonly IReadOnlyDictionary<string, int> _specialTokens;
    private readonly SearchValues<string> _specialTokenSearch;
    private readonly Lazy<Dictionary<int, string>> _entries;

    // The entries of the vocabulary that are followed by another one of the same word.
    private readonly HashSet<int> _beginnings;

    private ClipTokenizer(BpeTokenizer encoder, ClipTokenizerFiles files)
    {
        _encoder = encoder;
        _alphabet = new ClipTokenizerAlphabet();
        _specialTokens = files.SpecialTokens;
        _specialTokenSearch = SearchValues.Create([.. files.SpecialTokens.Keys], StringComparison.Ordinal);
        _beginnings = [.. files.Vocabulary.Where(entry => !entry.Key.EndsWith(ClipTokenizerAlphabet.EndOfWord, StringComparison.Ordinal) && !files.SpecialTokens.ContainsKey(entry.Key)).Select(static entry => entry.Value)];
        _entries = new(() => EntriesOf(files));
        StartId = files.StartId;
        EndId = files.EndId;
        PadId = files.PadId;
        MaxLength = files.MaxLength;
    }

    /// <summary>The id before every prompt, 49406 in CLIP's public vocabulary.</summary>
    public int StartId { get; }

    /// <summary>The id after every prompt, 49407 in CLIP's public vocabulary.</summary>
    public int EndId { get; }

    /// <summary>The id that pads short prompts: <see cref="EndId"/> for Stable Diffusion 1, 0 for Stable Diffusion 2.</summary>
    public int PadId { get; }

    /// <summary>The number of ids that a text encoder accepts, including start and end; 77 for every CLIP of Stable Diffusion.</summary>
    public int MaxLength { get; }

    /// <summary>Reads a model's <c>tokenizer</c> folder.</summary>
    /// <param name="folder">
    /// The folder, with <c>vocab.json</c> and <c>merges.txt</c>, or <c>tokenizer.json</c>; and optionally
    /// <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c> and <c>added_tokens.json</c>.
    /// </param>
    /// <param name="encoder">The number of ids that the text encoder has, and how many it takes at a time; null if unknown.</param>
    /// <returns>The tokenizer.</returns>
    /// <exception cref="ModelNotFoundException">The folder, or the vocabulary in it, is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, belongs to another kind of tokenizer, or does not fit the text encoder.</exception>
    public static ClipTokenizer Load(string folder, (int VocabularySize, int Positions)? encoder = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);

        ClipTokenizerFiles files = ClipTokenizerFiles.Read(folder);
        if (encoder is (int vocabularySize, int positions))
            files.CheckFits(vocabularySize, positions);
        BpeOptions options = new(files.Vocabulary)
        {
            Merges = files.Merges,
            UnknownToken = files.UnknownToken,
            EndOfWordSuffix = ClipTokenizerAlphabet.EndOfWord,
            ByteLevel = true,
        };
        return new ClipTokenizer(BpeTokenizer.Create(options), files);
    }

    /// <summary>Whether a word ends with a token.</summary>
    /// <param name="id">The token's id.</param>
    public bool EndsWord(int id) => !_beginnings.Contains(id);

    /// <summary>The entry of the vocabulary that has an id.</summary>
    /// <param name="id">The id.</param>
    /// <returns>Its text, with parts of a character as bytes, and whether it ends a word; null if there is no such entry.</returns>
    public (string Text, bool EndsWord)? EntryOf(int id) => !_entries.Value.TryGetValue(id, out string? entry) ? null
        : _specialTokens.ContainsKey(entry) ? (entry, true)
        : (_alphabet.Show(entry), entry.EndsWith(ClipTokenizerAlphabet.EndOfWord, StringComparison.Ordinal));

    /// <summary>Splits a text into any number of tokens, without start and end.</summary>
    /// <param name="text">
    /// Any text. Special tokens such as <c>&lt;|endoftext|&gt;</c> in it are converted to their ids; unpaired surrogates count as U+FFFD.
    /// </param>
    /// <returns>The tokens in order; empty if the text is blank.</returns>
    public IReadOnlyList<ClipToken> Tokenize(string text) => Tokenize(text, wordStarts: null);

    /// <summary>Converts a text to the input of a text encoder: start, tokens, end and padding. Tokens that do not fit are cut off.</summary>
    /// <param name="text">Any text.</param>
    /// <returns>The ids, and the words that were cut off.</returns>
    public TokenizedPrompt Encode(string text)
    {
        List<int> wordStarts = [];
        List<ClipToken> tokens = Tokenize(text, wordStarts);

        int room = MaxLength - 2;
        int used = Math.Min(tokens.Count, room);
        int[] ids = new int[MaxLength];
        string[] texts = new string[used];
        ids.AsSpan(used + 2).Fill(PadId);
        ids[0] = StartId;
        ids[used + 1] = EndId;
        for (int i = 0; i < used; i++)
        {
            ids[i + 1] = tokens[i].Id;
            texts[i] = tokens[i].Text;
        }

        string lost = tokens.Count > room ? text[wordStarts[room]..].Trim() : string.Empty;
        return new TokenizedPrompt(ids, texts, lost);
    }

    private List<ClipToken> Tokenize(string text, List<int>? wordStarts)
    {
        ArgumentNullException.ThrowIfNull(text);

        List<ClipToken> tokens = [];
        int start = 0;
        while (start < text.Length)
        {
            int offset = text.AsSpan(start).IndexOfAny(_specialTokenSearch);
            int end = offset < 0 ? text.Length : start + offset;
            AddOrdinaryText(text, start, end, tokens, wordStarts);
            if (end == text.Length)
                break;

            (string special, int id) = SpecialTokenAt(text.AsSpan(end));
            tokens.Add(new ClipToken(id, special, end, special.Length));
            wordStarts?.Add(end);
            start = end + special.Length;
        }

        return tokens;
    }

    private void AddOrdinaryText(string text, int start, int end, List<ClipToken> tokens, List<int>? wordStarts)
    {
        if (start == end)
            return;

        ClipTokenizerText normalized = ClipTokenizerText.Normalize(text.AsSpan(start, end - start));
        ClipTokenizerWords words = new(normalized.Text);
        while (words.TryReadNext(out int wordStart, out int wordLength))
        {
            int wordEnd = wordStart + wordLength;
            for (int pieceStart = wordStart; pieceStart < wordEnd;)
            {
                int pieceLength = Math.Min(MaxWordLength, wordEnd - pieceStart);
                if (pieceStart + pieceLength < wordEnd && char.IsHighSurrogate(normalized.Text[pieceStart + pieceLength - 1]))
                    pieceLength--;
                AddWord(normalized, pieceStart, pieceLength, start, tokens, wordStarts);
                pieceStart += pieceLength;
            }
        }
    }

    private void AddWord(ClipTokenizerText normalized, int wordStart, int wordLength, int offset, List<ClipToken> tokens, List<int>? wordStarts)
    {
        IReadOnlyList<EncodedToken> parts = _encoder.EncodeToTokens(
            normalized.Text.AsSpan(wordStart, wordLength), out _, considerPreTokenization: false, considerNormalization: false);
        foreach (EncodedToken part in parts)
        {
            int from = offset + normalized.OriginalStart(wordStart + part.Offset.Start.Value);
            int to = offset + normalized.OriginalEnd(wordStart + part.Offset.End.Value - 1);
            tokens.Add(new ClipToken(part.Id, _alphabet.Read(part.Value), from, to - from));
            wordStarts?.Add(offset + normalized.OriginalStart(wordStart));
        }
    }

    private static Dictionary<int, string> EntriesOf(ClipTokenizerFiles files)
    {
        Dictionary<int, string> entries = new(files.Vocabulary.Count);
        foreach ((string entry, int id) in files.Vocabulary.Concat(files.SpecialTokens))
            entries[id] = entry;
        return entries;
    }

    private (string Text, int Id) SpecialTokenAt(ReadOnlySpan<char> text)
    {
        (string Text, int Id) longest = (string.Empty, 0);
        foreach ((string special, int id) in _specialTokens)
        {
            if (special.Length > longest.Text.Length && text.StartsWith(special, StringComparison.Ordinal))
                longest = (special, id);
        }

        return longest;
    }
}
