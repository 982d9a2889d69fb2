using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Decodes latents into images with a model's VAE decoder.</summary>
[Cmdlet(VerbsData.ConvertFrom, "Latent")]
[OutputType(typeof(DiffusionImage))]
public sealed class ConvertFromLatentCommand : VaeCmdlet
{
    /// <summary>The latents; one whose denoising was stopped halfway gives a noisy image.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <summary>How the decoded values become bytes: Nearest or Down.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<ByteRounding>))]
    public string? Rounding { get; set; }

    /// <summary>Shows the latent by the colors of its cells, a pixel for each, in place of decoding it.</summary>
    [Parameter]
    public SwitchParameter Preview { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEach(Latent, latent => WriteObject(Decode(latent)));

    private DiffusionImage Decode(Latent latent)
    {
        VaeOptions vae = CreateVaeOptions() with { Rounding = EnumSetting.Parse(nameof(Rounding), Rounding, ByteRounding.Nearest) };
        return Preview
            ? UsePipeline(pipeline => pipeline.Preview(latent, vae, CancellationToken), madeBy: latent.Model)
            : UsePipeline(pipeline => Timed("VAE decoder", () => pipeline.Decode(latent, vae, CancellationToken)), madeBy: latent.Model);
    }
}
