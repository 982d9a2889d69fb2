using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Lists the tokens of prompts, as a model's text encoders receive them.</summary>
[Cmdlet(VerbsCommon.Get, "PromptToken")]
[OutputType(typeof(PromptTokenInfo))]
public sealed class GetPromptTokenCommand : PromptCmdlet
{
    /// <summary>How many of the nearest entries of the vocabulary are found for each token, 0 to 1000; none by default.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? Neighbor { get; set; }

    /// <inheritdoc/>
    private protected override void Process(string prompt)
    {
        PromptOptions options = CreateOptions();
        WriteObject(UsePipeline(pipeline => pipeline.ListTokens(prompt, options, Number.Read(Neighbor) ?? 0, CancellationToken)), enumerateCollection: true);
    }
}
