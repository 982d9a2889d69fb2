using System.Management.Automation;
using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Denoises latents with a model's U-Net and a scheduler, steered by text embeddings.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Denoise", DefaultParameterSetName = EmbeddingSet)]
[OutputType(typeof(Latent))]
public sealed class InvokeDenoiseCommand : DenoiseCmdlet
{
    private const string EmbeddingSet = "Embedding";
    private const string LatentSet = "Latent";

    /// <summary>What to show, from Get-TextEmbedding.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = EmbeddingSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = LatentSet)]
    public TextEmbedding? Embedding { get; set; }

    /// <summary>What not to show, from Get-TextEmbedding; the empty prompt where it is left out.</summary>
    [Parameter]
    public TextEmbedding? NegativeEmbedding { get; set; }

    /// <summary>Where to start: a picture's latent, which is noised first, or one whose denoising was stopped half way.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = LatentSet)]
    public Latent? Latent { get; set; }

    /// <summary>The step to start at. A picture's latent is noised to that step's level; one that was stopped goes on where it stopped.</summary>
    [Parameter]
    public int? StartStep { get; set; }

    /// <summary>The step to stop before, so that the rest can be done later.</summary>
    [Parameter]
    public int? StopStep { get; set; }

    /// <summary>Writes the latent after every step, not only after the last one.</summary>
    [Parameter]
    public SwitchParameter EachStep { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ProcessOne(Latent ?? (object?)Embedding, () =>
    {
        DenoiseOptions options = CreateOptions() with { StartStep = StartStep, StopStep = StopStep };
        Latent result = UsePipeline(
            pipeline => Denoise(
                pipeline,
                Embedding!,
                NegativeEmbedding,
                Latent,
                options,
                EachStep ? progress => WriteObject(progress.Capture()) : null),
            CreateAdapters(Lora ?? (IEnumerable<string?>)Embedding!.Lora));
        if (!EachStep)
            WriteObject(result);
    });
}
