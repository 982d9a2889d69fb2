using StableDiffusion.Prompts;
using StableDiffusion.Settings;

namespace StableDiffusion.Text;

/// <summary>What an embedding's file says in JSON.</summary>
internal sealed record TextEmbeddingHead
{
    public required string Prompt { get; init; }

    public required string Model { get; init; }

    public ModelMark? Maker { get; init; }

    public required PromptSyntax Syntax { get; init; }

    public required EmphasisMode Emphasis { get; init; }

    public required int ClipSkip { get; init; }

    public required IReadOnlyList<string> LoraNames { get; init; }

    public required IReadOnlyList<string> Loras { get; init; }

    public required IReadOnlyList<WordHead> Words { get; init; }

    public required IReadOnlyList<int> TokenIds { get; init; }

    public required IReadOnlyList<PromptToken> Tokens { get; init; }

    public required IReadOnlyList<string> Warnings { get; init; }

    public required string LostText { get; init; }

    public string? DynamicText { get; init; }
}

/// <summary>A word of textual inversion, whose vectors are tensors of the file.</summary>
/// <param name="Name">The word.</param>
/// <param name="Path">The path of the file that it was read from.</param>
/// <param name="Hash">That file's hash.</param>
/// <param name="HasFileName">Whether that file is found by its name.</param>
/// <param name="Count">The number of vectors.</param>
internal sealed record WordHead(string Name, string Path, string Hash, bool HasFileName, int Count);
