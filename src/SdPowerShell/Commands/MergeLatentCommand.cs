using System.Management.Automation;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Merges latents: two into one between them, or several into a walk from one to the next.</summary>
[Cmdlet(VerbsData.Merge, "Latent", DefaultParameterSetName = RatioSet)]
[OutputType(typeof(Latent))]
public sealed class MergeLatentCommand : MergeCmdlet
{
    private readonly List<Latent> _latents = [];

    /// <summary>The latents, denoised to the end or encoded from images.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [ValidateNotNullOrEmpty]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord() => _latents.AddRange(Latent);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_latents.Count > 0)
            ProcessOne(_latents, () => WriteMerged(nameof(Latent), _latents, (first, second, ratio) => LatentMerge.Merge(first, second, ratio, ModeOf(StageOperation.MergeLatents))));
    }
}
