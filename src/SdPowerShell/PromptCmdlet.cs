using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that give prompts to the text encoders of a model: the prompts, and how they are read.</summary>
public abstract class PromptCmdlet : RecordCmdlet
{
    /// <summary>Initializes the cmdlet.</summary>
    /// <remarks>An empty string is a prompt here, unless it is a blank line of a file.</remarks>
    protected PromptCmdlet() => Prompts = new(this, record => record is { IsLine: true });

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

    /// <summary>The textual inversion embeddings that the prompts can use by name, each a name or a path.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(TextualInversionCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    [List]
    public string?[]? TextualInversion { get; set; }

    /// <summary>Reads the prompts, and warns of what of them is not used.</summary>
    private protected PromptReader Prompts { get; }

    /// <inheritdoc/>
    private protected override bool IsBoundByValue => !IsFixed(nameof(Prompt));

    /// <inheritdoc/>
    private protected override string? MissingColumn => ReferenceEquals(Prompt, TextAttribute.None) ? nameof(Prompt) : null;

    /// <summary>How the prompts of a record are read.</summary>
    /// <param name="clipSkip">The layer of the text encoder to use; null for the last one.</param>
    private protected PromptOptions CreateOptions(int? clipSkip = null) =>
        PromptOptions.From(new GenerationSettings { PromptSyntax = PromptSyntax, Emphasis = Emphasis, ClipSkip = clipSkip }, AdapterSetting.ReadTextualInversions(this, TextualInversion));

    /// <summary>Processes one prompt.</summary>
    /// <param name="prompt">The prompt; may be empty.</param>
    private protected abstract void Process(string prompt);

    /// <inheritdoc/>
    private protected sealed override void ProcessInput() => Prompts.ForEach(Prompt, file: null, prompt =>
    {
        CheckMerged();
        Process(prompt ?? throw new InvalidSettingException(nameof(Prompt), "The prompt is null. Give a string; an empty string means no prompt."));
    });

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Prompts.ReportPassedOver();
}
