using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Encodes prompts with a model's CLIP text encoder.</summary>
[Cmdlet(VerbsCommon.Get, "TextEmbedding")]
[OutputType(typeof(TextEmbedding))]
public sealed class GetTextEmbeddingCommand : PromptCmdlet
{
    /// <summary>The layer of the text encoder to use, counted from the last layer, which is 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("clip_skip")]
    [Number<int>]
    public Number<int>? ClipSkip { get; set; }

    /// <inheritdoc/>
    private protected override void Process(string prompt)
    {
        PromptOptions options = CreateOptions(Number.Read(ClipSkip));
        TextEmbedding embedding = UsePipeline(
            pipeline => Timed("Text encoder", () => pipeline.EncodePrompt(prompt, options, CancellationToken)),
            AdapterSetting.ReadLoras(this, Lora, prompt, options.Syntax));
        Prompts.WarnOf(embedding, isSyntaxGiven: !string.IsNullOrWhiteSpace(PromptSyntax));
        WriteObject(embedding);
    }
}
