using System.Management.Automation;
using SdPowerShell.Records;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;

namespace SdPowerShell.Commands;

/// <summary>Shows where a denoising attended to the words of its prompt.</summary>
[Cmdlet(VerbsCommon.Get, "AttentionMap")]
[OutputType(typeof(AttentionMap))]
public sealed class GetAttentionMapCommand : DiffusionCmdlet
{
    private const string Step = "Step";
    private const string Layer = "Layer";
    private const string Head = "Head";

    private int _count;

    /// <summary>The latents of Invoke-Denoise with Attention.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <summary>The words of the prompt; each of its tokens by default.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string[]? Token { get; set; }

    /// <summary>What there is a map of each for, rather than the mean: Step, Layer, Head.</summary>
    [Parameter]
    [ValidateSet(Step, Layer, Head)]
    public string[] By { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (Latent latent in Latent)
        {
            Subject = InputRecord.DescribeItem("Latent", _count++, latent.Prompt);
            ProcessOne(latent, () => WriteObject(AttentionMaps.Of(latent, Token, Has(Step), Has(Layer), Has(Head)), enumerateCollection: true));
        }
    }

    private bool Has(string part) => By.Contains(part, StringComparer.OrdinalIgnoreCase);
}
