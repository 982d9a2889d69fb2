using System.Management.Automation;
using StableDiffusion;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Encodes prompts with a model's CLIP text encoder.</summary>
[Cmdlet(VerbsCommon.Get, "TextEmbedding")]
[OutputType(typeof(TextEmbedding))]
public sealed class GetTextEmbeddingCommand : ModelCmdlet
{
    /// <summary>The prompts; an empty one stands for no wish at all.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    [Text]
    public string?[]? Prompt { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string? prompt in Prompt ?? [null])
            ProcessOne(prompt, () => WriteObject(Encode(prompt)));
    }

    private TextEmbedding Encode(string? prompt)
    {
        if (prompt is null)
            throw new InvalidSettingException(nameof(Prompt), "The prompt is null. Give a text; an empty one stands for no wish at all.");

        return UsePipeline(pipeline => EncodePrompt(pipeline, prompt));
    }
}
