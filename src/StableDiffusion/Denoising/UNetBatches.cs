using StableDiffusion.Onnx;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>What the U-Net predicts from in one row of a batch, and the prediction.</summary>
/// <param name="sample">The latent at the scale of the U-Net's input.</param>
/// <param name="added">The input channels besides the latent; null for none.</param>
/// <param name="timestep">The timestep.</param>
/// <param name="text">The text embedding.</param>
/// <param name="sizes">The image sizes; empty if the U-Net does not use them.</param>
/// <param name="guidanceScale">The guidance scale, for a U-Net that takes it as an input.</param>
internal sealed class UNetBatchItem(float[] sample, Tensor? added, float timestep, TextVectors text, float[] sizes, double guidanceScale)
{
    private UNetBatch? _batch;
    private int _row;

    public float[] Sample { get; } = sample;

    public Tensor? Added { get; } = added;

    public float Timestep { get; } = timestep;

    public TextVectors Text { get; } = text;

    public float[] Sizes { get; } = sizes;

    public double GuidanceScale { get; } = guidanceScale;

    /// <summary>Whether all is the same but for the sample and the timestep.</summary>
    public bool IsOf(UNetBatchItem other) =>
        ReferenceEquals(other.Text, Text) && ReferenceEquals(other.Sizes, Sizes) && ReferenceEquals(other.Added, Added) && other.GuidanceScale.Equals(GuidanceScale);

    /// <summary>The prediction, valid until the next one of the same side.</summary>
    public ReadOnlySpan<float> Prediction => _batch!.Prediction(_row);

    /// <summary>Notes where the prediction is made.</summary>
    public void Assign(UNetBatch batch, int row) => (_batch, _row) = (batch, row);
}

/// <summary>The bindings of the U-Net to batches of rows in one denoising, created on first use.</summary>
/// <param name="unet">The U-Net, which must take batches.</param>
/// <param name="height">The height of the latents.</param>
/// <param name="width">The width of the latents.</param>
internal sealed class UNetBatches(UNet unet, int height, int width) : IDisposable
{
    private readonly Dictionary<(int Side, int Rows, int Tokens), UNetBatch> _batches = [];

    /// <summary>Predicts for all items: in one run of the graph, or one for each number of tokens.</summary>
    /// <param name="items">The items; empty for none.</param>
    /// <param name="side">Keeps the memory of predictions apart that are needed at the same time.</param>
    /// <param name="cancellationToken">Cancels the prediction.</param>
    public void Predict(IReadOnlyList<UNetBatchItem> items, int side, CancellationToken cancellationToken)
    {
        foreach (IGrouping<int, UNetBatchItem> alike in items.GroupBy(static item => item.Text.HiddenStates.Shape[1]))
        {
            UNetBatchItem[] rows = [.. alike];
            if (!_batches.TryGetValue((side, rows.Length, alike.Key), out UNetBatch? batch))
                _batches.Add((side, rows.Length, alike.Key), batch = unet.CreateBatch(rows, height, width));
            batch.Run(rows, cancellationToken);
        }
    }

    public void Dispose()
    {
        foreach (UNetBatch batch in _batches.Values)
            batch.Dispose();
    }
}

/// <summary>The U-Net bound to the memory of a number of rows.</summary>
/// <param name="call">The graph; disposed with this object, as are the buffers.</param>
/// <param name="sample">The samples, [rows, channels, height, width].</param>
/// <param name="timestep">The timesteps, [rows].</param>
/// <param name="embedding">The text embeddings, [rows, tokens, width].</param>
/// <param name="pooled">The pooled text embeddings, [rows, width]; null if the U-Net does not take them.</param>
/// <param name="sizes">The image sizes, [rows, count]; null if the U-Net does not take them.</param>
/// <param name="guidance">The embeddings of the guidance scales, [rows, width]; null if the U-Net does not take them.</param>
/// <param name="output">The predictions, [rows, channels, height, width].</param>
internal sealed class UNetBatch(OnnxCall call, OnnxBuffer sample, OnnxBuffer timestep, OnnxBuffer embedding, OnnxBuffer? pooled, OnnxBuffer? sizes, OnnxBuffer? guidance, OnnxBuffer output) : IDisposable
{
    private readonly UNetBatchItem?[] _last = new UNetBatchItem?[output.Shape[0]];

    /// <summary>Predicts for as many items as there are rows.</summary>
    public void Run(IReadOnlyList<UNetBatchItem> items, CancellationToken cancellationToken)
    {
        bool hasNewText = false;
        for (int row = 0; row < items.Count; row++)
        {
            UNetBatchItem item = items[row];
            item.Assign(this, row);
            Span<float> own = Row(sample, row);
            item.Sample.CopyTo(own);
            timestep.Values[row] = item.Timestep;
            if (_last[row]?.IsOf(item) == true)
                continue;

            item.Added?.Span.CopyTo(own[item.Sample.Length..]);
            item.Text.HiddenStates.Span.CopyTo(Row(embedding, row));
            if (pooled is not null)
                item.Text.PooledState!.Span.CopyTo(Row(pooled, row));
            if (sizes is not null)
                item.Sizes.CopyTo(Row(sizes, row));
            if (guidance is not null)
                GuidanceEmbedding.Of(item.GuidanceScale, guidance.Shape[1]).Span.CopyTo(Row(guidance, row));
            _last[row] = item;
            hasNewText = true;
        }

        sample.Upload();
        timestep.Upload();
        if (hasNewText)
        {
            embedding.Upload();
            pooled?.Upload();
            sizes?.Upload();
            guidance?.Upload();
        }

        call.Run(cancellationToken);
        output.Download();
    }

    /// <summary>The prediction of a row.</summary>
    public ReadOnlySpan<float> Prediction(int row) => Row(output, row);

    public void Dispose()
    {
        call.Dispose();
        foreach (OnnxBuffer? buffer in (ReadOnlySpan<OnnxBuffer?>)[sample, timestep, embedding, pooled, sizes, guidance, output])
            buffer?.Dispose();
    }

    private Span<float> Row(OnnxBuffer buffer, int row)
    {
        int length = buffer.Values.Length / _last.Length;
        return buffer.Values.AsSpan(row * length, length);
    }
}
