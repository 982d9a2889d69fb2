using StableDiffusion.Noise;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Noise;

/// <summary>A source of noise that was written and read back goes on with the same values.</summary>
public sealed class NoiseStateTests
{
    private const string Format = "noise";

    private static readonly Dictionary<Type, Func<INoiseSource>> s_sources = new()
    {
        [typeof(TorchRandom)] = static () => new TorchRandom(5),
        [typeof(PhiloxRandom)] = static () => new PhiloxRandom(5),
        [typeof(BatchNoise)] = static () => new BatchNoise(new TorchRandom(5), 1, 3),
        [typeof(BrownianTreeNoise)] = static () => new BrownianTreeNoise(5, 0.1f, 14),
    };

    public static TheoryData<Type> Sources() => [.. typeof(INoiseSource).Assembly.GetTypes().Where(static type => type.IsAssignableTo(typeof(INoiseSource)) && !type.IsInterface)];

    [Theory]
    [MemberData(nameof(Sources))]
    public void A_source_goes_on_with_the_same_values(Type type)
    {
        foreach (int length in (int[])[1, 7, 16, 1000])
        {
            INoiseSource source = s_sources[type]();
            for (int drawn = 0; drawn < 5; drawn++)
            {
                INoiseSource read = s_sources[type]();
                using SafetensorsFile file = SafetensorsFile.Open(RandomAccessFile.Of("file", Write(source)));
                StateReader reader = new(file, Format, 1, "noise");
                read.Transfer(reader);
                reader.CheckAllRead();
                Assert.Equal(Draw(source.Clone(), length), Draw(read, length));
                Draw(source, length);
            }
        }
    }

    private static byte[] Write(INoiseSource source)
    {
        StateWriter writer = new(Format, 1);
        source.Transfer(writer);
        return writer.ToBytes();
    }

    private static float[] Draw(INoiseSource source, int length)
    {
        float[] values = new float[3 * length];
        for (int step = 0; step < 3; step++)
            source.Fill(values.AsSpan(step * length, length), 3 - step, 2 - step);
        return values;
    }
}
