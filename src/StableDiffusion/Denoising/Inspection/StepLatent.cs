using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>
/// The latent after a step of a denoising, with what the U-Net predicted in the step's last call. The sample before the call is
/// <see cref="CleanScale"/> times the clean latent plus <see cref="NoiseScale"/> times the noise.
/// </summary>
public sealed class StepLatent : Latent
{
    private readonly Lazy<double> _predictionNorm, _conditionalNorm;
    private readonly Lazy<double?> _unconditionalNorm, _guidanceNorm;

    internal StepLatent(Latent latent, PredictionTrace trace)
        : base(latent)
    {
        int[] shape = [.. latent.Tensor.Shape];
        (Timestep, Sigma, CleanScale, NoiseScale) = (trace.Timestep, trace.Level.Sigma, trace.Level.CleanScale, trace.Level.NoiseScale);
        Sample = trace.Sample(shape);
        NoisePrediction = trace.Noise(shape);
        ConditionalPrediction = trace.Conditional(shape);
        UnconditionalPrediction = trace.Unconditional(shape);
        Tensor clean = trace.Clean(shape);
        StageList stages = latent.Origin().Append(StageOperation.PredictClean, StageList.Hash<float>(clean.Span));
        Denoised = new Latent(clean, latent.Info with { Stages = stages }) { Maker = latent.Maker };
        _predictionNorm = new(() => Norm(NoisePrediction));
        _conditionalNorm = new(() => Norm(ConditionalPrediction));
        _unconditionalNorm = new(() => UnconditionalPrediction is null ? null : Norm(UnconditionalPrediction));
        _guidanceNorm = new(() => UnconditionalPrediction is null ? null : TensorPrimitives.Distance(ConditionalPrediction.Span, UnconditionalPrediction.Span));
    }

    /// <summary>The timestep of the call.</summary>
    public float Timestep { get; }

    /// <summary>The noise level of the call: the standard deviation of the noise for each unit of the clean latent.</summary>
    public double Sigma { get; }

    /// <summary>The factor of the clean latent in the sample: 1 for schedulers of the variance-exploding form, the root of the cumulative alpha for others.</summary>
    public double CleanScale { get; }

    /// <summary>The factor of the noise in the sample.</summary>
    public double NoiseScale { get; }

    /// <summary>The sample before the call, [1, channels, height, width].</summary>
    public Tensor Sample { get; }

    /// <summary>The clean latent that the U-Net predicted from the sample, after guidance: what the step moves towards. It can be decoded.</summary>
    public Latent Denoised { get; }

    /// <summary>The noise that the U-Net predicted in the sample, after guidance, [1, channels, height, width].</summary>
    public Tensor NoisePrediction { get; }

    /// <summary>The noise that it predicted with the prompt; with several prompts joined by AND, with the first of them.</summary>
    public Tensor ConditionalPrediction { get; }

    /// <summary>The noise that it predicted with the negative prompt, which is empty by default; null if the call had no guidance.</summary>
    public Tensor? UnconditionalPrediction { get; }

    /// <summary>The length of <see cref="NoisePrediction"/> as a vector; about the root of the number of values for standard normal noise.</summary>
    public double PredictionNorm => _predictionNorm.Value;

    /// <summary>The length of <see cref="ConditionalPrediction"/>.</summary>
    public double ConditionalNorm => _conditionalNorm.Value;

    /// <summary>The length of <see cref="UnconditionalPrediction"/>; null if there is none.</summary>
    public double? UnconditionalNorm => _unconditionalNorm.Value;

    /// <summary>The length of the difference between the predictions with and without the prompt, which guidance multiplies; null without guidance.</summary>
    public double? GuidanceNorm => _guidanceNorm.Value;

    private static double Norm(Tensor tensor) => TensorPrimitives.Norm<float>(tensor.Span);
}
