using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>A change that is stored whole, with one value for each value of the weight.</summary>
/// <param name="difference">The change.</param>
internal sealed class WholeChange(StoredTensor difference) : LayerChange("difference", Rows(difference), Columns(difference), rank: null)
{
    public override float[] Compute(ITensorFile file, CancellationToken cancellationToken) => file.Read(difference.Name).Values;
}
