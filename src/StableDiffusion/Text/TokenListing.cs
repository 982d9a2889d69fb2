using System.Text;
using StableDiffusion.Prompts;

namespace StableDiffusion.Text;

/// <summary>Lists the tokens of a prompt as one text encoder receives them.</summary>
/// <param name="encoder">The text encoder.</param>
/// <param name="prompt">The prompt as it was given.</param>
/// <param name="options">How it is read.</param>
internal sealed class TokenListing(ClipEncoder encoder, string prompt, PromptOptions options)
{
    private readonly PromptTokenizer _tokenizer = encoder.TokenizerFor(options);

    private ClipTokenizer Clip => _tokenizer.Clip;

    /// <summary>Lists the tokens.</summary>
    /// <param name="text">The text that is encoded.</param>
    public IEnumerable<PromptTokenInfo> List(string text)
    {
        if (options.Syntax != PromptSyntax.Plain)
            return ListChunks(text);

        ClipToken[] all = [.. _tokenizer.Tokenize(text).SelectMany(static stretch => stretch)];
        int room = Math.Min(all.Length, Clip.MaxLength - 2);
        return [.. Chunk(0, [.. all[..room].Select(static token => new PromptToken(token.Text, token.Id, 1, Chunk: 0))]), .. all[room..].Select(Cut)];
    }

    private IEnumerable<PromptTokenInfo> ListChunks(string text)
    {
        (IReadOnlyList<PromptChunk> chunks, IReadOnlyList<PromptToken> tokens) = PromptChunker.Divide(_tokenizer, text, options);
        ILookup<int, PromptToken> byChunk = tokens.ToLookup(static token => token.Chunk);
        return Enumerable.Range(0, chunks.Count).SelectMany(chunk => Chunk(chunk, [.. byChunk[chunk]]));
    }

    private IEnumerable<PromptTokenInfo> Chunk(int chunk, PromptToken[] tokens) =>
    [
        Special(Clip.StartId, 0, chunk),
        .. tokens.Select((token, index) => Of(token.Text, token.Id, token.Weight, index + 1, chunk)),
        Special(Clip.EndId, tokens.Length + 1, chunk),
    ];

    private PromptTokenInfo Special(int id, int position, int chunk) => Of(Clip.EntryOf(id)?.Text ?? string.Empty, id, 1, position, chunk) with { IsSpecial = true };

    private PromptTokenInfo Cut(ClipToken token) => Of(token.Text, token.Id, 1, null, null) with { IsCut = true };

    private PromptTokenInfo Of(string text, int id, double weight, int? position, int? chunk) => new()
    {
        Prompt = prompt,
        Encoder = encoder.Name,

        // The text of a part of a character is U+FFFD, whatever part it is.
        Piece = text.Contains(Rune.ReplacementChar.ToString(), StringComparison.Ordinal) ? Clip.EntryOf(id)?.Text ?? text : text,
        TokenId = id,
        Position = position,
        Chunk = chunk,
        Weight = weight,

        // A vector of textual inversion is a word.
        EndsWord = Clip.EntryOf(id)?.EndsWord ?? true,
        IsSpecial = false,
        IsCut = false,
    };
}
