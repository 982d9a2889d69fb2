using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines.Inspection;

/// <summary>
/// A step of a denoising for someone who looks on and may change what follows. Each change begins a stage of its own in the record,
/// as if the denoising had been stopped here and continued with other settings.
/// </summary>
public sealed class DenoisingStep
{
    private readonly DenoiseOptions _options;
    private readonly TextEmbedding _embedding;
    private readonly TextEmbedding? _negative;
    private readonly StepLatent _captured;
    private Latent _latent;
    private TextEmbedding _nextEmbedding;
    private TextEmbedding? _nextNegative;

    internal DenoisingStep(StepLatent captured, TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options)
    {
        _latent = _captured = captured;
        _nextEmbedding = _embedding = embedding;
        _nextNegative = _negative = negative;
        _options = options;
        GuidanceScale = captured.Info.GuidanceScale;
        GuidanceRescale = captured.Info.GuidanceRescale ?? 0;
    }

    /// <summary>The number of steps that are done.</summary>
    public int Step => _captured.Step;

    /// <summary>The total number of steps.</summary>
    public int StepCount => _captured.StepCount;

    /// <summary>The timestep of the step's last call of the U-Net.</summary>
    public float Timestep => _captured.Timestep;

    /// <summary>The noise level of that call: the standard deviation of the noise for each unit of the clean latent.</summary>
    public double Sigma => _captured.Sigma;

    /// <summary>The predictions of the U-Net, with the latent after the step.</summary>
    public StepLatent Predictions => _captured;

    /// <summary>The clean latent that the U-Net predicted.</summary>
    public Latent Denoised => _captured.Denoised;

    /// <summary>The latent after the step. Other values in it, or another latent of the same size, are what the denoising goes on with; the record then says that a script changed it.</summary>
    /// <exception cref="ShapeMismatchException">The new latent has another size.</exception>
    public Latent Latent
    {
        get => _latent;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (!value.Tensor.HasShape([.. _captured.Tensor.Shape]))
                throw new ShapeMismatchException($"The latent of a step has the shape {_captured.Tensor}, and the new one {value.Tensor}. Give one of the same size.");
            _latent = value;
        }
    }

    /// <summary>The guidance scale of the steps that follow.</summary>
    public double? GuidanceScale { get; set; }

    /// <summary>The guidance rescale of the steps that follow, 0 to 1.</summary>
    public double? GuidanceRescale { get; set; }

    /// <summary>The embedding of the prompt of the steps that follow.</summary>
    public TextEmbedding Embedding
    {
        get => _nextEmbedding;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _nextEmbedding = value;
        }
    }

    /// <summary>The embedding of the negative prompt of the steps that follow; null for that of the empty prompt.</summary>
    public TextEmbedding? NegativeEmbedding
    {
        get => _nextNegative;
        set => _nextNegative = value;
    }

    /// <summary>Whether the denoising ends after this step.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Ends the denoising after this step. The latent can be decoded, or continued later.</summary>
    public void Stop() => IsStopped = true;

    /// <summary>Whether anything was changed.</summary>
    internal bool IsChanged => HasOtherLatent || GuidanceScale != _captured.Info.GuidanceScale || GuidanceRescale != (_captured.Info.GuidanceRescale ?? 0)
        || !ReferenceEquals(_nextEmbedding, _embedding) || !ReferenceEquals(_nextNegative, _negative);

    private bool HasOtherLatent => !ReferenceEquals(_latent, _captured) || _captured.IsEdited;

    /// <summary>What the denoising goes on with.</summary>
    internal DenoiseJob Next() => new(
        _nextEmbedding,
        _nextNegative,
        Result(),

        // What belongs to the start is in the latent.
        SettingTable.Create<DenoiseOptions>(row => row.IsOfStart ? null : row.Get(_options)) with
        {
            GuidanceScale = GuidanceScale,
            GuidanceRescale = GuidanceRescale,
            StopStep = _options.StopStep,
            KeepsPredictions = _options.KeepsPredictions,
            Attention = _options.Attention,
            Controls = _options.Controls,
        });

    /// <summary>The latent after the step, with the values that were given.</summary>
    internal Latent Result()
    {
        if (!HasOtherLatent)
            return _captured;
        _latent.Tensor.Span.CopyTo(_captured.Tensor.Span);
        _captured.CheckFinite();
        return _captured;
    }
}
