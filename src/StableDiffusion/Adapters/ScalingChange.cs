using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>
/// IA3 (Liu et al., arXiv 2205.05638): each output or each input of the weight is scaled by a factor of its own, which is stored
/// as its difference from 1: W∘w.
/// </summary>
/// <remarks>As in LyCORIS (modules/ia3.py).</remarks>
internal sealed class ScalingChange : LayerChange
{
    private readonly StoredTensor _factors;
    private readonly bool _isOfInputs;

    private ScalingChange(StoredTensor factors, bool isOfInputs)
        : base("IA3", isOfInputs ? null : factors.Count, innerCount: null, rank: null)
    {
        (_factors, _isOfInputs) = (factors, isOfInputs);
        if (factors.Count == 0 || !factors.Shape.Contains(factors.Count))
            throw new AdapterInvalidException($"The tensor '{factors.Name}' of the shape {factors.ShapeText} is not a list of factors.");
    }

    public override string ShapeText => _isOfInputs ? $"[*,{_factors.Count}]" : base.ShapeText;

    /// <summary>Returns the change if all its tensors exist.</summary>
    /// <param name="tensors">The tensors by role.</param>
    /// <param name="file">The file, in which a number says whether the factors are those of the inputs.</param>
    /// <exception cref="AdapterInvalidException">A tensor is not what the form has.</exception>
    public static ScalingChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, ITensorFile file)
    {
        if (!tensors.TryGetValue(LoraRole.Factors, out StoredTensor? factors) || !tensors.TryGetValue(LoraRole.OnInput, out StoredTensor? onInput))
            return null;

        float number = onInput.Count == 1 ? file.Read(onInput.Name).Values[0] : float.NaN;
        return number is 0 or 1
            ? new ScalingChange(factors, number == 1)
            : throw new AdapterInvalidException($"The tensor '{onInput.Name}' {onInput.ShapeText} is not the number 0 or 1.");
    }

    public override bool Fits(int outWidth, int inWidth, int innerCount) => _factors.Count == (_isOfInputs ? inWidth : outWidth);

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken)
    {
        float[] factors = file.Read(_factors.Name).Values;
        float[] change = [.. weight.Values];
        int length = _isOfInputs ? weight.Kernel : weight.InnerCount;
        for (int start = 0; start < change.Length; start += length)
        {
            Span<float> values = change.AsSpan(start, length);
            TensorPrimitives.Multiply(values, factors[start / length % factors.Length], values);
        }

        return change;
    }
}
