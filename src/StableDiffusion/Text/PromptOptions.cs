using StableDiffusion.Prompts;
using StableDiffusion.Settings;

namespace StableDiffusion.Text;

/// <summary>How a prompt is parsed and encoded.</summary>
public sealed record PromptOptions
{
    /// <summary>The defaults: plain text, and the last layer of the encoder.</summary>
    public static PromptOptions Default { get; } = new();

    /// <summary>The syntax of the prompt.</summary>
    public PromptSyntax Syntax { get; init; } = PromptSyntax.Plain;

    /// <summary>The effect of weights in A1111's syntax.</summary>
    public EmphasisMode Emphasis { get; init; } = EmphasisMode.Original;

    /// <summary>
    /// The layer of the text encoder to use, counted from the last one as in A1111: 1 is the last one, 2 the one before it.
    /// </summary>
    public int ClipSkip { get; init; } = 1;

    /// <summary>
    /// The words of textual inversion that the prompt may use: by themselves, as in diffusers and A1111, or in ComfyUI's syntax as
    /// <c>embedding:name</c>.
    /// </summary>
    public IReadOnlyList<TextualInversion> TextualInversions { get; init; } = [];

    /// <summary>The names of the LoRAs that the model is opened with, for which tags in the prompt need no warning.</summary>
    internal IReadOnlyCollection<string> LoraNames { get; init; } = [];

    /// <summary>Those LoRAs with their strengths, as text.</summary>
    internal IReadOnlyList<string> Loras { get; init; } = [];

    /// <summary>The options that settings ask for.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="textualInversions">The embeddings that the prompt may use.</param>
    /// <exception cref="InvalidSettingException">The settings name no such syntax or emphasis.</exception>
    public static PromptOptions From(GenerationSettings settings, IReadOnlyList<TextualInversion> textualInversions)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new PromptOptions
        {
            Syntax = EnumSetting.Parse(nameof(settings.PromptSyntax), settings.PromptSyntax, PromptSyntax.Plain),
            Emphasis = EnumSetting.Parse(nameof(settings.Emphasis), settings.Emphasis, EmphasisMode.Original),
            ClipSkip = settings.ClipSkip ?? 1,
            TextualInversions = textualInversions,
        };
    }
}
