using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>The bindings of the U-Net to the embeddings of one denoising, each made when it is first needed.</summary>
internal sealed class UNetPredictions(UNet unet, UNetInput input) : IDisposable
{
    private readonly Dictionary<Tensor, UNetPrediction> _predictions = new(ReferenceEqualityComparer.Instance);

    /// <summary>The binding to an embedding, [1, tokens, width].</summary>
    public UNetPrediction Of(Tensor embedding)
    {
        if (!_predictions.TryGetValue(embedding, out UNetPrediction? prediction))
            _predictions.Add(embedding, prediction = unet.Bind(input, embedding));
        return prediction;
    }

    public void Dispose()
    {
        foreach (UNetPrediction prediction in _predictions.Values)
            prediction.Dispose();
    }
}
