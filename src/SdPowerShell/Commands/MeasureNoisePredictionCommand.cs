using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Serialization;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Measures how well a model's U-Net predicts the noise in latents: the loss of its training, over timesteps.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "NoisePrediction", DefaultParameterSetName = SpreadSet)]
[OutputType(typeof(NoisePredictionLoss))]
public sealed class MeasureNoisePredictionCommand : ModelCmdlet
{
    private const string TimestepSet = "Timestep";
    private const string SpreadSet = "Count";
    private const int ActivityId = 2;

    /// <summary>The clean latents: encoded from images, or denoised to the end.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <summary>The prompt's embedding, from Get-TextEmbedding, or the prompt itself; the default is the empty prompt.</summary>
    [Parameter(Position = 0)]
    [Alias("Prompt")]
    [AllowNull]
    public object? Embedding { get; set; }

    /// <summary>The timesteps of the training, 0 to 999.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TimestepSet)]
    [Number<int>(IsList = true)]
    public Number<int>[]? Timestep { get; set; }

    /// <summary>The number of timesteps, spread evenly over the training's range; 10 by default.</summary>
    [Parameter(ParameterSetName = SpreadSet)]
    [Number<int>]
    public Number<int>? Count { get; set; }

    /// <summary>The number of seeds at each timestep, over which the loss is averaged, 1 to 10,000; 1 by default.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? Repeat { get; set; }

    /// <summary>The first seed of the noise; random by default, or if it is -1. The others follow it.</summary>
    [Parameter]
    [Number<long>]
    public Number<long>? Seed { get; set; }

    /// <summary>The random number generator that the seeds are for: TorchCpu or Cuda.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<RandomSource>))]
    public string? RandomSource { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEach(Latent, Measure);

    private void Measure(Latent latent) => UsePipeline(
        pipeline =>
        {
            IReadOnlyList<int> timesteps = Number.Read(Timestep) ?? pipeline.SpreadTimesteps(Number.Read(Count) ?? 10);
            RandomSource source = EnumSetting.Parse(nameof(RandomSource), RandomSource, StableDiffusion.Noise.RandomSource.TorchCpu);
            pipeline.MeasureNoisePrediction(latent, Read(pipeline), timesteps, Number.Read(Repeat) ?? 1, Number.Read(Seed), source, WriteObject, index => Report(index, timesteps), CancellationToken);
            WriteProgress(new ProgressRecord(ActivityId, "Predicting noise", "done") { RecordType = ProgressRecordType.Completed });
            return true;
        },
        madeBy: latent.Model);

    private void Report(int index, IReadOnlyList<int> timesteps) =>
        WriteProgress(new ProgressRecord(ActivityId, "Predicting noise", $"timestep {timesteps[index]}") { PercentComplete = index * 100 / timesteps.Count });

    private TextEmbedding Read(DiffusionPipeline pipeline)
    {
        object? given = Cell.Unwrap(Embedding is PSObject copy ? SerializedObject.Restore(copy) : Embedding);
        return given switch
        {
            TextEmbedding embedding => embedding,
            null => pipeline.EncodePrompt(string.Empty, cancellationToken: CancellationToken),
            string prompt => pipeline.EncodePrompt(prompt, cancellationToken: CancellationToken),
            _ => throw new InvalidSettingException(nameof(Embedding), "That is neither a prompt nor the embedding of one. Give one of them.") { Remedy = Remedy.EncodePrompt },
        };
    }
}
