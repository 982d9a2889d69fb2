using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Encodes prompts with a model's CLIP text encoder.</summary>
[Cmdlet(VerbsCommon.Get, "TextEmbedding")]
[OutputType(typeof(TextEmbedding))]
public sealed class GetTextEmbeddingCommand : AdapterCmdlet
{
    /// <summary>The prompts; an empty string means no prompt.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    [Text(Column = nameof(Prompt))]
    public string?[]? Prompt { get; set; }

    /// <summary>The syntax of the prompt: Plain, A1111 or ComfyUI.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<StableDiffusion.Prompts.PromptSyntax>))]
    public string? PromptSyntax { get; set; }

    /// <summary>How the weights in a prompt with A1111's syntax are applied: Original, NoNorm, Ignore or None.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(EnumCompleter<EmphasisMode>))]
    public string? Emphasis { get; set; }

    /// <summary>The layer of the text encoder to use, counted from the last layer, which is 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("clip_skip")]
    [Number<int>]
    public Number<int>? ClipSkip { get; set; }

    /// <summary>The textual inversion embeddings that the prompts can use by name, each a name or a path.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(TextualInversionCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    [List]
    public string?[]? TextualInversion { get; set; }

    /// <inheritdoc/>
    private protected override bool IsBoundByValue => !IsFixed(nameof(Prompt));

    /// <inheritdoc/>
    private protected override string? MissingColumn => ReferenceEquals(Prompt, TextAttribute.None) ? nameof(Prompt) : null;

    /// <inheritdoc/>
    private protected override void ProcessInput() => ForEachPrompt(Prompt, file: null, prompt => WriteObject(Encode(prompt)));

    /// <inheritdoc/>
    /// <remarks>An empty string is a prompt here, unless it is a blank line of a file.</remarks>
    private protected override bool TakesAsLine(InputRecord? record) => record is { IsLine: true };

    private TextEmbedding Encode(string? prompt)
    {
        if (prompt is null)
            throw new InvalidSettingException(nameof(Prompt), "The prompt is null. Give a string; an empty string means no prompt.");

        GenerationSettings settings = new() { PromptSyntax = PromptSyntax, Emphasis = Emphasis, ClipSkip = Number.Read(ClipSkip) };
        PromptOptions options = PromptOptions.From(settings, ReadTextualInversions(TextualInversion));
        TextEmbedding embedding = UsePipeline(
            pipeline => Timed("Text encoder", () => pipeline.EncodePrompt(prompt, options, CancellationToken)),
            CreateAdapters(Lora, prompt, options.Syntax));
        WarnOf(embedding, isSyntaxGiven: !string.IsNullOrWhiteSpace(PromptSyntax));
        return embedding;
    }
}
