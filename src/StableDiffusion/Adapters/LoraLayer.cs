using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>A layer of a LoRA.</summary>
internal sealed class LoraLayer
{
    private const float MachineEpsilon = 1.1920929e-7f;

    // The largest of half precision. The changes of real LoRAs are far smaller, and with larger ones, a network overflows.
    private const float LargestChange = 65504;

    private readonly StoredTensor? _alpha;
    private readonly StoredTensor? _magnitude;

    /// <summary>Collects the tensors of a layer.</summary>
    /// <param name="key">The key of any of them.</param>
    /// <param name="tensors">The tensors by role.</param>
    /// <param name="file">The file that they are in.</param>
    /// <param name="form">How values of PEFT's OFT become rotations.</param>
    /// <exception cref="AdapterInvalidException">They are of several forms, or their shapes do not fit together.</exception>
    public LoraLayer(LoraKey key, IReadOnlyDictionary<LoraRole, StoredTensor> tensors, ITensorFile file, Lazy<PeftRotation> form)
    {
        Key = key;
        Change = LayerChange.From(tensors, file, form);
        BiasChange = tensors.GetValueOrDefault(LoraRole.BiasDifference) ?? tensors.GetValueOrDefault(LoraRole.NormBiasDifference);
        _alpha = tensors.GetValueOrDefault(LoraRole.Alpha);
        _magnitude = tensors.GetValueOrDefault(LoraRole.Magnitude);
        if (_magnitude is not null && (Change is ScalingChange or RotationChange or InputRotationChange))
            throw new AdapterInvalidException($"The tensor '{_magnitude.Name}' gives the layer lengths of its own, which {Change.Kind} cannot have.");
    }

    /// <summary>The layer, as the file names it.</summary>
    public LoraKey Key { get; }

    /// <summary>The change of the weight; null if there is none in a known form.</summary>
    public LayerChange? Change { get; }

    /// <summary>The change of the bias; null if there is none.</summary>
    public StoredTensor? BiasChange { get; }

    public string Kind => _magnitude is null ? Change?.Kind ?? "bias" : $"{Change?.Kind}, DoRA";

    /// <summary>Checks that the change has the shape of a layer.</summary>
    /// <exception cref="AdapterInvalidException">The shapes differ.</exception>
    public void Check(AdaptableLayer layer)
    {
        if (Change is not null && !Change.Fits(layer.OutWidth, layer.InWidth, layer.InnerCount))
            throw new AdapterInvalidException($"it changes '{layer.Path}' as a weight of {Change.ShapeText}, but the model's is [{layer.OutWidth},{layer.InnerCount}]");
        bool hasBias = layer.Names(isBias: true).Count > 0, isOfOneAxis = BiasChange?.Shape.All(length => length == 1 || length == BiasChange.Count) ?? true;
        if (BiasChange is not null && (!hasBias || BiasChange.Count != layer.OutWidth || !isOfOneAxis))
            throw new AdapterInvalidException($"it changes the bias of '{layer.Path}' by {BiasChange.Count} values{(isOfOneAxis ? null : $" {BiasChange.ShapeText}")}, but {(hasBias ? $"the model's has {layer.OutWidth}" : "the layer has no bias")}");
        if (_magnitude is not null && !IsOfRows(_magnitude, layer) && !IsOfInputs(_magnitude, layer))
            throw new AdapterInvalidException($"its '{_magnitude.Name}' {_magnitude.ShapeText} does not fit the axes of '{layer.Path}'");
    }

    /// <summary>Computes the change of a weight.</summary>
    /// <param name="file">The open LoRA file.</param>
    /// <param name="layer">The checked layer.</param>
    /// <param name="original">The original weight [out, in · kernel], which most changes do not depend on.</param>
    /// <param name="strength">The strength of the change.</param>
    /// <param name="cancellationToken">Cancels between two rows of the change.</param>
    /// <returns>The change [out, in · kernel] at this strength.</returns>
    /// <exception cref="AdapterInvalidException">The change has a value that no network can use.</exception>
    /// <remarks>DoRA replaces the magnitudes of the changed weight, so its change depends on the original weight (Liu et al., arXiv 2402.09353).</remarks>
    public float[] Compute(ITensorFile file, AdaptableLayer layer, Lazy<float[]> original, double strength, CancellationToken cancellationToken)
    {
        float[] change = Change!.Compute(file, new ChangedWeight(original, layer.OutWidth, layer.InWidth, layer.InnerCount, strength), cancellationToken);
        if (Change.Rank is { } rank && LayerChange.ScaleOf(file, _alpha, rank) is var scale and not 1)
            TensorPrimitives.Multiply(change, scale, change);
        if (_magnitude is not null)
            Decompose(layer, original.Value, change, file.Read(_magnitude.Name).Values, IsOfRows(_magnitude, layer));
        return Usable(file, layer, change, Change.IsProportional ? strength : 1);
    }

    /// <summary>Computes the change of a bias.</summary>
    /// <param name="file">The open LoRA file.</param>
    /// <param name="layer">The checked layer.</param>
    /// <param name="strength">The strength of the change.</param>
    /// <returns>The change [out] at this strength.</returns>
    /// <exception cref="AdapterInvalidException">The change has a value that no network can use.</exception>
    public float[] ComputeBias(ITensorFile file, AdaptableLayer layer, double strength) => Usable(file, layer, file.Read(BiasChange!.Name).Values, strength);

    // [out] or [out,1,..]; PEFT's convolutions have [1,out,1,..], which LyCORIS uses for the inputs.
    private static bool IsOfRows(StoredTensor magnitude, AdaptableLayer layer) => HasAll(magnitude, 0, layer.OutWidth)
        || (magnitude.Shape.Count > 2 && LoraKey.IsMagnitudeOfPeft(magnitude.Name) && HasAll(magnitude, 1, layer.OutWidth));

    // [1,in] or [1,in,1,..].
    private static bool IsOfInputs(StoredTensor magnitude, AdaptableLayer layer) => HasAll(magnitude, 1, layer.InWidth);

    /// <summary>Whether all values of a tensor lie along an axis, and are as many as expected.</summary>
    private static bool HasAll(StoredTensor tensor, int axis, int count) => tensor.Count == count && tensor.Shape.Count > axis && tensor.Shape[axis] == count;

    private static float[] Usable(ITensorFile file, AdaptableLayer layer, float[] change, double strength)
    {
        // NaN is not in the range, either.
        if (change.Length > 0 && !(Math.Abs(TensorPrimitives.MaxMagnitude<float>(change) * strength) <= LargestChange))
            throw new AdapterInvalidException($"The LoRA '{file.Path}' changes '{layer.Path}' by a value that is NaN, infinite or far too large. Get the file again, or use another LoRA.");
        TensorPrimitives.Multiply(change, (float)strength, change);
        return change;
    }

    /// <summary>Converts a change W + Δ to m·(W + Δ)/‖W + Δ‖ - W.</summary>
    private static void Decompose(AdaptableLayer layer, ReadOnlySpan<float> original, Span<float> change, ReadOnlySpan<float> magnitudes, bool isOfRows)
    {
        int inner = layer.InnerCount;
        TensorPrimitives.Add(change, original, change);
        if (isOfRows)
        {
            for (int row = 0; row < layer.OutWidth; row++)
            {
                Span<float> values = change.Slice(row * inner, inner);
                TensorPrimitives.Multiply(values, magnitudes[row] / (TensorPrimitives.Norm(values) + MachineEpsilon), values);
            }
        }
        else
        {
            // Over everything but the inputs: the kernel of a convolution is summed with the outputs.
            int kernel = inner / layer.InWidth;
            for (int input = 0; input < layer.InWidth; input++)
            {
                double squares = 0;
                for (int row = 0; row < layer.OutWidth; row++)
                    squares += TensorPrimitives.SumOfSquares(change.Slice(row * inner + input * kernel, kernel));
                float factor = magnitudes[input] / ((float)Math.Sqrt(squares) + MachineEpsilon);
                for (int row = 0; row < layer.OutWidth; row++)
                {
                    Span<float> values = change.Slice(row * inner + input * kernel, kernel);
                    TensorPrimitives.Multiply(values, factor, values);
                }
            }
        }

        TensorPrimitives.Subtract(change, original, change);
    }
}
