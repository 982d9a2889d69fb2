using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using SdPowerShell.Serialization;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Denoises latents with a model's U-Net and a scheduler, steered by text embeddings.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Denoise")]
[OutputType(typeof(Latent))]
public sealed class InvokeDenoiseCommand : DenoiseCmdlet
{
    /// <summary>The prompt's embedding, from Get-TextEmbedding.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Restored<TextEmbedding>]
    public TextEmbedding? Embedding { get; set; }

    /// <summary>The negative prompt's embedding, from Get-TextEmbedding; the default is that of the empty prompt.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Restored<TextEmbedding>]
    public TextEmbedding? NegativeEmbedding { get; set; }

    /// <summary>The latent to start from: that of an image, to which noise is added first, or one whose denoising was stopped halfway.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Restored<Latent>]
    public Latent? Latent { get; set; }

    /// <summary>The step to start at. Noise of that step's level is added to the latent of an image; a stopped denoising continues where it stopped.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? StartStep { get; set; }

    /// <summary>The step to stop before, so that the rest can be run later.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? StopStep { get; set; }

    /// <summary>The part of the denoising that another model has done, 0 to 1; this one goes on in its own schedule.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("denoising_start")]
    [Number<double>]
    public Number<double>? DenoisingStart { get; set; }

    /// <summary>Writes the latent after every step, not only after the last one.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Switch]
    public SwitchParameter EachStep { get; set; }

    /// <summary>Keeps where each part of the latent looks at the words of the prompt, for Get-AttentionMap.</summary>
    [Parameter]
    public SwitchParameter Attention { get; set; }

    /// <summary>The steps whose attention is kept, from 1; all by default.</summary>
    [Parameter]
    [Number<int>(IsList = true)]
    public Number<int>[]? AttentionStep { get; set; }

    /// <summary>The names of the layers whose attention is kept, in which wildcards are allowed; all by default.</summary>
    [Parameter]
    [SupportsWildcards]
    [List]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AttentionLayerCompleter))]
    public string[] AttentionLayer { get; set; } = [];

    /// <summary>Keeps the attention of each head, and not only their mean.</summary>
    [Parameter]
    public SwitchParameter AttentionHead { get; set; }

    /// <inheritdoc/>
    private protected override bool IsBoundByValue => !IsFixed(nameof(Embedding)) || (Latent is not null && !IsFixed(nameof(Latent)));

    /// <inheritdoc/>
    private protected override void ProcessInput()
    {
        Subject = Input?.Describe(Embedding?.Prompt, file: null);
        ProcessOne(Latent ?? (object?)Embedding, Denoise);
    }

    /// <inheritdoc/>
    /// <remarks>These settings of the latent would change the new denoising.</remarks>
    private protected override bool IsLeftOut(string setting) => base.IsLeftOut(setting)
        || ((InpaintSettings.ModeOf(setting) is not null || setting is nameof(Strength) or nameof(StrengthRule) or nameof(SchedulerOption) or nameof(Lora) or nameof(InpaintMode) or nameof(MaskBlur) or nameof(MaskInvert)) && IsCarriedAlong(setting));

    private void Denoise()
    {
        // Not a mandatory parameter: PowerShell would ask for it, which nobody can answer, and could not say how to make one.
        if (Embedding is null)
            throw new InvalidSettingException(nameof(Embedding), $"There is no embedding of a prompt{(Latent is null ? string.Empty : " for the latent")}. Give one with Embedding, the first argument.") { Remedy = Remedy.EncodePrompt };
        DenoiseOptions options = CreateOptions() with { StartStep = Number.Read(StartStep), StopStep = Number.Read(StopStep), DenoisingStart = Number.Read(DenoisingStart), Attention = CreateAttention() };
        string? madeBy = Latent?.Model ?? Embedding.Model;
        Inspect(pipeline => pipeline.Check(options, Latent), madeBy);
        Latent result = UsePipeline(
            pipeline =>
            {
                using DenoisingProgress progress = new(WriteProgress, Embedding!.Prompt);
                return Timed("Denoising", () => pipeline.Denoise(Embedding, NegativeEmbedding, Latent, options, step => Report(step, progress), CancellationToken));
            },
            IsLeftOut(nameof(Lora)) || Lora is null ? AdapterSetting.ReadLoras(this, Embedding) : AdapterSetting.ReadLoras(this, Lora),
            madeBy);
        ReportControlImages(options, result);
        if (!EachStep)
            WriteObject(result);
    }

    // The other three ask for it too.
    private AttentionOptions? CreateAttention() => Attention || AttentionHead || AttentionStep is not null || AttentionLayer.Length > 0
        ? new AttentionOptions { Steps = Number.Read(AttentionStep) ?? [], Layers = AttentionLayer, KeepsHeads = AttentionHead }
        : null;

    private void Report(StepProgress step, DenoisingProgress progress)
    {
        progress.Report(step);
        if (EachStep)
            WriteObject(step.Capture());
    }
}
