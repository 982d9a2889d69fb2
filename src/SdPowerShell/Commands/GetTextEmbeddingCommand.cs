using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Encodes prompts with a model's CLIP text encoder.</summary>
[Cmdlet(VerbsCommon.Get, "TextEmbedding")]
[OutputType(typeof(TextEmbedding))]
public sealed class GetTextEmbeddingCommand : RecordCmdlet
{
    private readonly PromptReader _prompts;

    /// <summary>Initializes the cmdlet.</summary>
    /// <remarks>An empty string is a prompt here, unless it is a blank line of a file.</remarks>
    public GetTextEmbeddingCommand() => _prompts = new(this, record => record is { IsLine: true });

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
    private protected override void ProcessInput() => _prompts.ForEach(Prompt, file: null, prompt => WriteObject(Encode(prompt)));

    /// <inheritdoc/>
    protected override void EndProcessing() => _prompts.ReportPassedOver();

    private TextEmbedding Encode(string? prompt)
    {
        if (prompt is null)
            throw new InvalidSettingException(nameof(Prompt), "The prompt is null. Give a string; an empty string means no prompt.");

        GenerationSettings settings = new() { PromptSyntax = PromptSyntax, Emphasis = Emphasis, ClipSkip = Number.Read(ClipSkip) };
        PromptOptions options = PromptOptions.From(settings, AdapterSetting.ReadTextualInversions(this, TextualInversion));
        TextEmbedding embedding = UsePipeline(
            pipeline => Timed("Text encoder", () => pipeline.EncodePrompt(prompt, options, CancellationToken)),
            AdapterSetting.ReadLoras(this, Lora, prompt, options.Syntax));
        _prompts.WarnOf(embedding, isSyntaxGiven: !string.IsNullOrWhiteSpace(PromptSyntax));
        return embedding;
    }
}
