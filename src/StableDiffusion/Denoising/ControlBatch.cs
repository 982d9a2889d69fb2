using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>
/// The ControlNets of a batch of rows, each with its own control image. All write into the same outputs, one after another; the
/// residuals are summed in the U-Net's inputs.
/// </summary>
internal sealed class ControlBatch : IDisposable
{
    private readonly ControlBatchNet[] _nets;
    private readonly OnnxBuffer[] _outputs;

    /// <summary>Allocates the memory.</summary>
    /// <param name="items">As many items as there are rows, with at least one ControlNet, whose texts have the same number of tokens.</param>
    /// <param name="sums">The U-Net's inputs; disposed with this object.</param>
    /// <param name="height">The height of the latents.</param>
    /// <param name="width">The width of the latents.</param>
    public ControlBatch(IReadOnlyList<UNetBatchItem> items, IReadOnlyList<OnnxBuffer> sums, int height, int width)
    {
        Sums = sums;
        IReadOnlyList<ControlCondition> controls = items[0].Controls;
        _outputs = [.. sums.Select(sum => new OnnxBuffer(controls[0].Net.OutputType, sum.Shape))];
        _nets = [.. controls.Select((condition, control) => condition.Net.BindBatch(items, control, _outputs, height, width))];
    }

    /// <summary>The U-Net's inputs: the sums of the residuals.</summary>
    public IReadOnlyList<OnnxBuffer> Sums { get; }

    /// <summary>Sets what stays the same in a row from one step to the next.</summary>
    public void Set(int row, UNetBatchItem item)
    {
        foreach (ControlBatchNet net in _nets)
            net.Set(row, item);
    }

    /// <summary>Computes the residuals. A row in whose step a ControlNet is not active gets none of it.</summary>
    /// <param name="items">As many items as there are rows.</param>
    /// <param name="hasNewText">Whether a row was set since the last run.</param>
    /// <param name="cancellationToken">Cancels the runs.</param>
    public void Run(IReadOnlyList<UNetBatchItem> items, bool hasNewText, CancellationToken cancellationToken)
    {
        foreach (OnnxBuffer sum in Sums)
            Array.Clear(sum.Values);
        for (int net = 0; net < _nets.Length; net++)
        {
            if (hasNewText)
                _nets[net].Upload();
            bool[] active = [.. items.Select(item => item.IsActive(net))];
            if (!active.Contains(true))
                continue;

            _nets[net].Run(items, cancellationToken);
            for (int i = 0; i < _outputs.Length; i++)
            {
                _outputs[i].Download();
                for (int row = 0; row < active.Length; row++)
                {
                    if (active[row])
                        TensorPrimitives.Add(Sums[i].Row(row), _outputs[i].Row(row), Sums[i].Row(row));
                }
            }
        }

        foreach (OnnxBuffer sum in Sums)
            sum.Upload();
    }

    public void Dispose()
    {
        foreach (ControlBatchNet net in _nets)
            net.Dispose();
        foreach (OnnxBuffer buffer in Sums.Concat(_outputs))
            buffer.Dispose();
    }
}

/// <summary>A ControlNet bound to the memory of a number of rows.</summary>
/// <param name="call">The graph; disposed with this object, as are the buffers.</param>
/// <param name="control">The index of the ControlNet in the items.</param>
/// <param name="sample">The samples, [rows, channels, height, width].</param>
/// <param name="timestep">The timesteps, [rows].</param>
/// <param name="embedding">The text embeddings, [rows, tokens, width].</param>
/// <param name="conditioning">The control images, [rows, 3, height, width] in pixels.</param>
/// <param name="scale">The factor of the residuals, [1].</param>
/// <param name="pooled">The pooled text embeddings, [rows, width]; null if it does not take them.</param>
/// <param name="sizes">The image sizes, [rows, count]; null if it does not take them.</param>
internal sealed class ControlBatchNet(
    OnnxCall call,
    int control,
    OnnxBuffer sample,
    OnnxBuffer timestep,
    OnnxBuffer embedding,
    OnnxBuffer conditioning,
    OnnxBuffer scale,
    OnnxBuffer? pooled,
    OnnxBuffer? sizes) : IDisposable
{
    /// <summary>Sets what stays the same in a row from one step to the next.</summary>
    public void Set(int row, UNetBatchItem item)
    {
        item.Text.HiddenStates.Span.CopyTo(embedding.Row(row));
        item.Controls[control].Image.Span.CopyTo(conditioning.Row(row));
        if (pooled is not null)
            item.Text.PooledState!.Span.CopyTo(pooled.Row(row));
        if (sizes is not null)
            item.Sizes.CopyTo(sizes.Row(row));
    }

    /// <summary>Converts what was set to the graph's types.</summary>
    public void Upload()
    {
        embedding.Upload();
        conditioning.Upload();
        pooled?.Upload();
        sizes?.Upload();
    }

    /// <summary>Computes the residuals into the outputs.</summary>
    public void Run(IReadOnlyList<UNetBatchItem> items, CancellationToken cancellationToken)
    {
        for (int row = 0; row < items.Count; row++)
        {
            items[row].Sample.CopyTo(sample.Row(row));
            timestep.Values[row] = items[row].Timestep;
        }

        sample.Upload();
        timestep.Upload();
        call.Run(cancellationToken);
    }

    public void Dispose()
    {
        call.Dispose();
        foreach (OnnxBuffer? buffer in (ReadOnlySpan<OnnxBuffer?>)[sample, timestep, embedding, conditioning, scale, pooled, sizes])
            buffer?.Dispose();
    }
}
