using System.Buffers;
using System.Runtime.CompilerServices;
using SixLabors.ImageSharp.Memory;

namespace StableDiffusion.Images;

/// <summary>Gives the image library memory for one image, up to a limit on all that is in use at a time.</summary>
/// <param name="source">Allocates the memory.</param>
/// <param name="limit">The number of bytes.</param>
internal sealed class BoundedAllocator(MemoryAllocator source, long limit) : MemoryAllocator
{
    // Larger images are in several buffers of this size.
    private const int BufferCapacity = 32 << 20;

    private long _used;

    /// <inheritdoc/>
    public override IMemoryOwner<T> Allocate<T>(int length, AllocationOptions options = AllocationOptions.None)
    {
        long bytes = (long)length * Unsafe.SizeOf<T>();
        if (Interlocked.Add(ref _used, bytes) > limit)
            throw new InvalidMemoryOperationException($"Decoding it takes more than the {limit >> 20} MB that an image of its size may need.");
        return new Buffer<T>(source.Allocate<T>(length, options), this, bytes);
    }

    /// <inheritdoc/>
    public override void ReleaseRetainedResources() => source.ReleaseRetainedResources();

    /// <inheritdoc/>
    protected override int GetBufferCapacityInBytes() => BufferCapacity;

    private sealed class Buffer<T>(IMemoryOwner<T> memory, BoundedAllocator owner, long bytes) : IMemoryOwner<T>
    {
        private long _bytes = bytes;

        public Memory<T> Memory => memory.Memory;

        public void Dispose()
        {
            Interlocked.Add(ref owner._used, -Interlocked.Exchange(ref _bytes, 0));
            memory.Dispose();
        }
    }
}
