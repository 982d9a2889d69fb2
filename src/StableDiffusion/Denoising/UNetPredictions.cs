using StableDiffusion.Onnx;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>The bindings of the U-Net to the embeddings of one denoising, created on first use.</summary>
internal sealed class UNetPredictions(UNet unet, UNetInput input, ControlBuffers? control = null, FeatureReuse? reuse = null) : IDisposable
{
    private readonly Dictionary<TextVectors, UNetPrediction> _positive = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<TextVectors, UNetPrediction> _negative = new(ReferenceEqualityComparer.Instance);

    /// <summary>Returns the binding for a part of the prompt at a step.</summary>
    public UNetPrediction Positive(Conditioning conditioning, int part, int step) => Of(_positive, conditioning, part, step);

    /// <summary>Returns the binding for the negative prompt at a step.</summary>
    public UNetPrediction Negative(Conditioning conditioning, int step) => Of(_negative, conditioning, part: 0, step);

    public void Dispose()
    {
        foreach (UNetPrediction prediction in _positive.Values.Concat(_negative.Values))
            prediction.Dispose();
    }

    private UNetPrediction Of(Dictionary<TextVectors, UNetPrediction> predictions, Conditioning conditioning, int part, int step)
    {
        TextVectors embedding = conditioning.Parts[part].At(step);
        if (!predictions.TryGetValue(embedding, out UNetPrediction? prediction))
            predictions.Add(embedding, prediction = unet.Bind(input, embedding, conditioning.Sizes, control?.Bind(embedding, conditioning.Sizes), reuse));
        return prediction;
    }
}

/// <summary>The U-Net bound to one text embedding.</summary>
internal sealed class UNetPrediction(OnnxCall call, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs, OnnxBuffer output, IReadOnlyList<OnnxBuffer> memory, ControlRun? control, OuterCall? outer, Action observe) : IDisposable
{
    /// <summary>The inputs, as the last prediction used them.</summary>
    public ReadOnlySpan<(OnnxValueInfo Info, OnnxBuffer Buffer)> Inputs => inputs;

    /// <summary>Predicts from the shared inputs; the returned memory is valid until the next call.</summary>
    /// <param name="number">The number of the call in the whole denoising, from 0.</param>
    /// <param name="cancellationToken">Cancels the prediction.</param>
    public ReadOnlySpan<float> Run(int number, CancellationToken cancellationToken)
    {
        if (outer?.TryRun(number, cancellationToken) != true)
        {
            control?.Run(cancellationToken);
            call.Run(cancellationToken);
            observe();
        }

        output.Download();
        return output.Values;
    }

    public void Dispose()
    {
        control?.Dispose();
        outer?.Dispose();
        call.Dispose();
        output.Dispose();
        foreach (OnnxBuffer buffer in memory)
            buffer.Dispose();
    }
}
