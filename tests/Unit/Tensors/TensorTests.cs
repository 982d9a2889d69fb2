using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors;

public sealed class TensorTests
{
    [Fact]
    public void Reshape_shares_the_array()
    {
        Tensor tensor = new(2, 3);
        tensor.Reshape(3, 2).Values[5] = 7;

        Assert.Equal(7, tensor.Values[5]);
    }

    [Fact]
    public void A_shape_that_does_not_hold_the_values_is_refused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new Tensor(new float[5], 2, 3));
        Assert.Contains("[2,3]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HasShape_takes_minus_one_for_any_length()
    {
        Tensor tensor = new(1, 4, 8, 8);

        Assert.True(tensor.HasShape(-1, 4, -1, -1));
        Assert.False(tensor.HasShape(-1, 3, -1, -1));
        Assert.False(tensor.HasShape(4, 8, 8));
    }
}
