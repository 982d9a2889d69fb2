using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>A change that is stored whole, with one value for each value of the weight.</summary>
/// <param name="difference">The change.</param>
/// <param name="kind">The name of the form.</param>
internal sealed class WholeChange(StoredTensor difference, string kind) : LayerChange(kind, Rows(difference), Columns(difference), rank: null)
{
    public override string ShapeText => difference.ShapeText;

    public override bool Fits(int outWidth, int inWidth, int innerCount) => base.Fits(outWidth, inWidth, innerCount) && HasInputs(difference, inWidth);

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken) => file.Read(difference.Name).Values;
}
