using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Lists the tokens of prompts, as a model's text encoders receive them.</summary>
[Cmdlet(VerbsCommon.Get, "PromptToken")]
[OutputType(typeof(PromptTokenInfo))]
public sealed class GetPromptTokenCommand : RecordCmdlet
{
    private readonly PromptReader _prompts;

    /// <summary>Initializes the cmdlet.</summary>
    public GetPromptTokenCommand() => _prompts = new(this, record => record is { IsLine: true });

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

    /// <summary>How many of the nearest entries of the vocabulary are found for each token, 0 to 1000; none by default.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? Neighbor { get; set; }

    /// <inheritdoc/>
    private protected override bool IsBoundByValue => !IsFixed(nameof(Prompt));

    /// <inheritdoc/>
    private protected override string? MissingColumn => ReferenceEquals(Prompt, TextAttribute.None) ? nameof(Prompt) : null;

    /// <inheritdoc/>
    private protected override void ProcessInput() => _prompts.ForEach(Prompt, file: null, prompt => WriteObject(List(prompt), enumerateCollection: true));

    /// <inheritdoc/>
    protected override void EndProcessing() => _prompts.ReportPassedOver();

    private IReadOnlyList<PromptTokenInfo> List(string? prompt)
    {
        if (prompt is null)
            throw new InvalidSettingException(nameof(Prompt), "The prompt is null. Give a string; an empty string means no prompt.");

        GenerationSettings settings = new() { PromptSyntax = PromptSyntax, Emphasis = Emphasis };
        PromptOptions options = PromptOptions.From(settings, AdapterSetting.ReadTextualInversions(this, TextualInversion));
        return UsePipeline(pipeline => pipeline.ListTokens(prompt, options, Number.Read(Neighbor) ?? 0, CancellationToken));
    }
}
