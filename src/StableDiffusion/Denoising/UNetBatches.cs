using StableDiffusion.Onnx;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>What the U-Net predicts from in one row of a batch, and the prediction.</summary>
/// <param name="sample">The latent at the scale of the U-Net's input.</param>
/// <param name="row">The row, in a call of which this is a prediction.</param>
/// <param name="conditioning">The conditioning, by one prompt.</param>
internal sealed class UNetBatchItem(float[] sample, DenoiseRow row, Conditioning conditioning)
{
    private UNetBatch? _batch;
    private int _row;

    public float[] Sample { get; } = sample;

    /// <summary>The input channels besides the latent; null for none.</summary>
    public Tensor? Added { get; } = row.Request.AddedChannels;

    public float Timestep { get; } = row.Timestep;

    public TextVectors Text { get; } = conditioning.Parts[0].At(row.Step);

    /// <summary>The image sizes; empty if the U-Net does not use them.</summary>
    public float[] Sizes { get; } = conditioning.Sizes;

    /// <summary>The guidance scale, for a U-Net that takes it as an input.</summary>
    public double GuidanceScale { get; } = row.GuidanceScale;

    /// <summary>The number of the call in the whole denoising, from 0.</summary>
    public int Number { get; } = row.Number;

    /// <summary>The ControlNets, the same ones in all rows of a batch, with an image each.</summary>
    public IReadOnlyList<ControlCondition> Controls { get; } = row.Request.Controls;

    /// <summary>The reuse of deep features, the same in all rows of a batch; null for none.</summary>
    public FeatureReuse? Reuse { get; } = row.Request.Reuse;

    /// <summary>Whether a ControlNet is active in the step.</summary>
    /// <param name="control">Its index.</param>
    public bool IsActive(int control) => Controls[control].IsActive(row.Step, row.Steps);

    /// <summary>Whether all is the same but for the sample and the timestep.</summary>
    public bool IsOf(UNetBatchItem other) =>
        ReferenceEquals(other.Text, Text) && ReferenceEquals(other.Sizes, Sizes) && ReferenceEquals(other.Added, Added)
        && ReferenceEquals(other.Controls, Controls) && other.GuidanceScale.Equals(GuidanceScale);

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
/// <param name="control">The ControlNets, which run before each prediction; null for none.</param>
/// <param name="features">The deep features that are reused; null for none.</param>
/// <param name="outer">The outer layers that make some of the predictions; null if the whole U-Net makes all.</param>
internal sealed class UNetBatch(
    OnnxCall call,
    OnnxBuffer sample,
    OnnxBuffer timestep,
    OnnxBuffer embedding,
    OnnxBuffer? pooled,
    OnnxBuffer? sizes,
    OnnxBuffer? guidance,
    OnnxBuffer output,
    ControlBatch? control,
    OnnxBuffer? features,
    OuterCall? outer) : IDisposable
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
            Span<float> own = sample.Row(row);
            item.Sample.CopyTo(own);
            timestep.Values[row] = item.Timestep;
            if (_last[row]?.IsOf(item) == true)
                continue;

            control?.Set(row, item);
            item.Added?.Span.CopyTo(own[item.Sample.Length..]);
            item.Text.HiddenStates.Span.CopyTo(embedding.Row(row));
            if (pooled is not null)
                item.Text.PooledState!.Span.CopyTo(pooled.Row(row));
            if (sizes is not null)
                item.Sizes.CopyTo(sizes.Row(row));
            if (guidance is not null)
                GuidanceEmbedding.Of(item.GuidanceScale, guidance.Shape[1]).Span.CopyTo(guidance.Row(row));
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

        if (outer?.TryRun(items[0].Number, cancellationToken) != true)
        {
            control?.Run(items, hasNewText, cancellationToken);
            call.Run(cancellationToken);
        }

        output.Download();
    }

    /// <summary>The prediction of a row.</summary>
    public ReadOnlySpan<float> Prediction(int row) => output.Row(row);

    public void Dispose()
    {
        call.Dispose();
        outer?.Dispose();
        control?.Dispose();
        foreach (OnnxBuffer? buffer in (ReadOnlySpan<OnnxBuffer?>)[sample, timestep, embedding, pooled, sizes, guidance, output, features])
            buffer?.Dispose();
    }
}
