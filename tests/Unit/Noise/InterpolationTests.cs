using StableDiffusion.Noise;

namespace StableDiffusion.Tests.Noise;

/// <summary>What lies between two vectors, on the line and on the arc.</summary>
public sealed class InterpolationTests
{
    private static readonly float[] s_first = [.. Enumerable.Range(0, 8).Select(static i => (float)Math.Sin((0.7 * i) + 1))];
    private static readonly float[] s_second = [.. Enumerable.Range(0, 8).Select(static i => (float)Math.Cos(1.3 * i))];

    /// <summary>The numbers of slerp in Karpathy's stablediffusionwalk.py for these vectors, computed by numpy in double precision.</summary>
    public static TheoryData<double, double[]> Arcs => new()
    {
        { 0.3, [1.2610681707654787, 1.046392249678845, 0.21113778528999555, -0.31196910291070284, -0.3397839159634133, -0.4327588851832116, -0.7911249463720255, -0.8033201019108772] },
        { 0.5, [1.3719541252225014, 0.9381167564286625, -0.13516779085804242, -0.5098636225203578, -0.10679373921206559, -0.0007021689579945756, -0.6180031929698041, -0.9846325190109577] },
        { 0.9, [1.1432422778890776, 0.4338845325640625, -0.7463213721666723, -0.720917019341001, 0.36754227183414967, 0.8158734629363656, -0.09349671939020507, -1.0127054329233267] },
    };

    [Theory]
    [MemberData(nameof(Arcs))]
    public void The_arc_has_the_numbers_of_the_reference(double ratio, double[] expected)
    {
        float[] between = Interpolation.Between(s_first, s_second, ratio, InterpolationMode.Spherical);
        Assert.All(between.Zip(expected), static pair => Assert.Equal(pair.Second, pair.First, 1e-7));
    }

    [Theory]
    [InlineData(InterpolationMode.Linear)]
    [InlineData(InterpolationMode.Spherical)]
    public void The_ends_are_the_vectors_themselves(InterpolationMode mode)
    {
        Assert.Equal(s_first, Interpolation.Between(s_first, s_second, 0, mode));
        Assert.Equal(s_second, Interpolation.Between(s_first, s_second, 1, mode));
    }

    [Fact]
    public void The_line_and_vectors_without_an_angle_between_them_are_weighted_means()
    {
        float[] opposite = [.. s_first.Select(static value => -2 * value)], zeros = new float[8], nearly = [.. s_first.Select(static value => 3 * value)];
        nearly[0] += 0.01f;
        foreach ((float[] other, InterpolationMode mode) in ((float[], InterpolationMode)[])
            [(s_second, InterpolationMode.Linear), (opposite, InterpolationMode.Spherical), (nearly, InterpolationMode.Spherical), (zeros, InterpolationMode.Spherical)])
        {
            float[] between = Interpolation.Between(s_first, other, 0.3, mode);
            Assert.All(between.Zip(s_first.Zip(other)), static pair => Assert.Equal((0.7 * pair.Second.First) + (0.3 * pair.Second.Second), pair.First, 1e-6));
        }
    }

    [Fact]
    public void The_arc_keeps_the_variance_of_noise()
    {
        float[] first = Draw(1), second = Draw(2);
        Assert.InRange(Power(Interpolation.Between(first, second, 0.5, InterpolationMode.Spherical)), 0.97, 1.03);
        Assert.InRange(Power(Interpolation.Between(first, second, 0.5, InterpolationMode.Linear)), 0.47, 0.53);

        static float[] Draw(long seed)
        {
            float[] noise = new float[10_000];
            LatentNoise.CreateGenerator(seed, RandomSource.TorchCpu).Fill(noise, 0, 0);
            return noise;
        }

        static double Power(float[] values) => values.Average(static value => (double)value * value);
    }

    [Fact]
    public void A_walk_passes_each_point_exactly_in_equal_steps()
    {
        Assert.Equal([(0, 0), (0, 0.5), (1, 0), (1, 0.5), (1, 1)], Interpolation.Walk(5, 3));
        Assert.Equal([(0, 0), (0, 1.0 / 3), (0, 2.0 / 3), (0, 1)], Interpolation.Walk(4, 2));
        (int Index, double Ratio)[] fine = [.. Interpolation.Walk(100_000, 8)];
        Assert.Equal((0, 0), fine[0]);
        Assert.Equal((6, 1), fine[^1]);
        Assert.All(fine.Zip(fine.Skip(1)), static pair => Assert.Equal(7.0 / 99_999, pair.Second.Index + pair.Second.Ratio - pair.First.Index - pair.First.Ratio, 1e-12));
    }

    [Fact]
    public void A_part_of_a_path_is_a_place_between_two_points()
    {
        Assert.Equal((0, 0.3), Interpolation.PlaceOf(0.3, 2));
        Assert.Equal((0, 1), Interpolation.PlaceOf(1, 2));
        Assert.Equal((1, 0), Interpolation.PlaceOf(0.5, 3));
        Assert.Equal((1, 1), Interpolation.PlaceOf(1, 3));
    }
}
