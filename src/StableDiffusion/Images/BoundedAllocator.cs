using System.Buffers;
using System.Runtime.CompilerServices;
using SixLabors.ImageSharp.Memory;

namespace StableDiffusion.Images;

/// <summary>
/// Gives the image library memory for one image, up to a limit on all that is in use at a time. It is filled with zeros, also
/// a little beyond its end, where decoders read: they leave parts of damaged files as they find them, and would show other images.
/// </summary>
/// <param name="source">Allocates the memory.</param>
/// <param name="limit">The number of bytes.</param>
internal sealed class BoundedAllocator(MemoryAllocator source, long limit) : MemoryAllocator
{
    // Larger images are in several buffers of this size.
    private const int BufferCapacity = 32 << 20;

    // The JPEG decoder packs three pixels more than a row has.
    private const int Slack = 64;

    private long _used;

    /// <inheritdoc/>
    public override IMemoryOwner<T> Allocate<T>(int length, AllocationOptions options = AllocationOptions.None)
    {
        long bytes = (long)length * Unsafe.SizeOf<T>();
        if (Interlocked.Add(ref _used, bytes) > limit)
            throw new InvalidMemoryOperationException($"Decoding it takes more than the {limit >> 20} MB that an image of its size may need.");
        return new Buffer<T>(source.Allocate<T>(length + Slack, AllocationOptions.Clean), length, this, bytes);
    }

    /// <inheritdoc/>
    public override void ReleaseRetainedResources() => source.ReleaseRetainedResources();

    /// <inheritdoc/>
    protected override int GetBufferCapacityInBytes() => BufferCapacity;

    private sealed class Buffer<T>(IMemoryOwner<T> memory, int length, BoundedAllocator owner, long bytes) : IMemoryOwner<T>
    {
        private long _bytes = bytes;

        public Memory<T> Memory => memory.Memory[..length];

        public void Dispose()
        {
            Interlocked.Add(ref owner._used, -Interlocked.Exchange(ref _bytes, 0));
            memory.Dispose();
        }
    }
}
