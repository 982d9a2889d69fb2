using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>What the U-Net predicted in the last call of a denoising. Its memory is used again by the next call.</summary>
/// <param name="length">The number of values of the sample.</param>
internal sealed class PredictionTrace(int length)
{
    private readonly float[] _sample = new float[length];
    private readonly float[] _prediction = new float[length];
    private readonly float[] _conditional = new float[length];
    private readonly float[] _unconditional = new float[length];
    private bool _isGuided;

    /// <summary>The timestep of the call.</summary>
    public float Timestep { get; private set; }

    /// <summary>The noise level of the call.</summary>
    public CallLevel Level { get; private set; }

    /// <summary>Notes the prediction for the prompt, or for its first part; the first note of a call.</summary>
    /// <param name="prediction">The output of the U-Net.</param>
    public void NoteConditional(ReadOnlySpan<float> prediction)
    {
        prediction.CopyTo(_conditional);
        _isGuided = false;
    }

    /// <summary>Notes the prediction for the negative prompt, if the call is guided.</summary>
    /// <param name="prediction">The output of the U-Net.</param>
    public void NoteUnconditional(ReadOnlySpan<float> prediction)
    {
        prediction.CopyTo(_unconditional);
        _isGuided = true;
    }

    /// <summary>Notes what the scheduler makes its step from.</summary>
    /// <param name="prediction">The prediction after guidance and inpainting.</param>
    /// <param name="sample">The sample before the step.</param>
    /// <param name="level">The noise level of the call.</param>
    /// <param name="timestep">The timestep of the call.</param>
    public void NoteStep(ReadOnlySpan<float> prediction, ReadOnlySpan<float> sample, CallLevel level, float timestep)
    {
        prediction.CopyTo(_prediction);
        sample.CopyTo(_sample);
        (Level, Timestep) = (level, timestep);
    }

    /// <summary>Copies the sample before the step.</summary>
    /// <param name="shape">The shape of the sample.</param>
    public Tensor Sample(ReadOnlySpan<int> shape) => new((float[])_sample.Clone(), shape);

    /// <summary>The clean sample that the prediction means.</summary>
    /// <inheritdoc cref="Sample"/>
    public Tensor Clean(ReadOnlySpan<int> shape) => Combine(_prediction, Level.Clean.Sample, Level.Clean.Output, shape);

    /// <summary>The noise that the prediction means.</summary>
    /// <inheritdoc cref="Sample"/>
    public Tensor Noise(ReadOnlySpan<int> shape) => NoiseOf(_prediction, shape);

    /// <summary>The noise that the prediction for the prompt means.</summary>
    /// <inheritdoc cref="Sample"/>
    public Tensor Conditional(ReadOnlySpan<int> shape) => NoiseOf(_conditional, shape);

    /// <summary>The noise that the prediction for the negative prompt means; null if there was none.</summary>
    /// <inheritdoc cref="Sample"/>
    public Tensor? Unconditional(ReadOnlySpan<int> shape) => _isGuided ? NoiseOf(_unconditional, shape) : null;

    private Tensor NoiseOf(float[] prediction, ReadOnlySpan<int> shape) => Combine(prediction, Level.Noise.Sample, Level.Noise.Output, shape);

    private Tensor Combine(float[] prediction, double ofSample, double ofPrediction, ReadOnlySpan<int> shape)
    {
        Tensor result = new(shape);
        VectorMath.Combine(result.Span, _sample, ofSample, prediction, ofPrediction);
        return result;
    }
}
