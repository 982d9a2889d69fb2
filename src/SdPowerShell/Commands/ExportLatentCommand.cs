using System.Management.Automation;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Tensors;

namespace SdPowerShell.Commands;

/// <summary>Writes latents to files, with all that is needed to go on with them in another session.</summary>
[Cmdlet(VerbsData.Export, "Latent", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(Latent))]
public sealed class ExportLatentCommand : ExportCmdlet
{
    /// <summary>The latents.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [Alias("Latent")]
    [Restored<Latent>]
    public Latent[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (Latent latent in InputObject)
        {
            Export(
                latent,
                "latent",
                latent.Prompt,
                latent.Seed,
                StateFile.Ending,
                target => StateFile.Check(target.Path, Force || target.IsGenerated),
                (path, addsNumber) => addsNumber ? LatentFile.WriteNumbered(latent, path) : LatentFile.Write(latent, path, Force));
        }
    }
}
