using StableDiffusion.Prompts;

namespace StableDiffusion.Text;

/// <summary>How a prompt is read and encoded.</summary>
public sealed record PromptOptions
{
    /// <summary>The prompt as it stands, with every layer of the encoder.</summary>
    public static PromptOptions Default { get; } = new();

    /// <summary>Whose syntax the prompt is in.</summary>
    public PromptSyntax Syntax { get; init; } = PromptSyntax.Plain;

    /// <summary>What weights in a prompt of A1111's syntax do.</summary>
    public EmphasisMode Emphasis { get; init; } = EmphasisMode.Original;

    /// <summary>
    /// The layer of the text encoder that the embedding comes from, counted from the last one as A1111 does: 1 is the
    /// last, 2 the one before it.
    /// </summary>
    public int ClipSkip { get; init; } = 1;

    /// <summary>
    /// Words of textual inversion that the prompt may use: by themselves, as diffusers and A1111 take them, or in ComfyUI's
    /// syntax as <c>embedding:name</c>.
    /// </summary>
    public IReadOnlyList<TextualInversion> TextualInversions { get; init; } = [];

    /// <summary>The names of the LoRAs that the model is opened with, so that a prompt's tags for them count as honoured.</summary>
    internal IReadOnlyCollection<string> LoraNames { get; init; } = [];

    /// <summary>Those LoRAs with their strengths, as text.</summary>
    internal IReadOnlyList<string> Loras { get; init; } = [];
}
