using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Noise;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Adds noise to latents, as the training of a model does.</summary>
[Cmdlet(VerbsCommon.Add, "LatentNoise", DefaultParameterSetName = TimestepSet)]
[OutputType(typeof(Latent))]
public sealed class AddLatentNoiseCommand : ModelCmdlet
{
    private const string TimestepSet = "Timestep";
    private const string SigmaSet = "Sigma";

    /// <summary>The clean latents.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <summary>The timestep of the training, 0 to 999: the higher, the more noise.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = TimestepSet)]
    [Number<int>]
    public Number<int>? Timestep { get; set; }

    /// <summary>The noise level, 0 to 100,000: the standard deviation of the noise for each unit of the latent.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SigmaSet)]
    [Number<double>]
    public Number<double>? Sigma { get; set; }

    /// <summary>The seed of the noise; random by default, or if it is -1.</summary>
    [Parameter]
    [Number<long>]
    public Number<long>? Seed { get; set; }

    /// <summary>The random number generator that the seed is for: TorchCpu or Cuda.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<RandomSource>))]
    public string? RandomSource { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEach(Latent, latent => WriteObject(Add(latent)));

    private Latent Add(Latent latent)
    {
        RandomSource source = EnumSetting.Parse(nameof(RandomSource), RandomSource, StableDiffusion.Noise.RandomSource.TorchCpu);
        return Inspect(pipeline => pipeline.AddNoise(latent, Number.Read(Timestep), Number.Read(Sigma), Number.Read(Seed), source), latent.Model);
    }
}
